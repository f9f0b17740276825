// How many processors this process has.
#pragma once

#include <string>

namespace rnnfast {

// Those that it may run on, but no more than its control group may use of their time, rounded up: a container that has
// a quota of two processors sees all of the machine's. At least 1.
int available_processors();

// The quota, in processors, of the control groups that `groups` lists (as /proc/self/cgroup), and of those above them,
// mounted at `root`, version 1 or 2; infinity without one.
double cpu_quota(const std::string& groups, const std::string& root);

}  // namespace rnnfast
