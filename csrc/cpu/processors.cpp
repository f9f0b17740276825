#include "processors.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>

namespace rnnfast {

namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

// Of one group: "QUOTA PERIOD" in one file (version 2) or one each in two (version 1); a quota that is no number above
// 0 is none.
double quota_of(const std::string& folder) {
    double quota = 0, period = 0;
    if (std::ifstream both(folder + "/cpu.max"); both >> quota >> period) return quota / period;
    std::ifstream first(folder + "/cpu.cfs_quota_us"), second(folder + "/cpu.cfs_period_us");
    return first >> quota && second >> period && quota > 0 ? quota / period : kNone;
}

}  // namespace

double cpu_quota(const std::string& groups, const std::string& root) {
    double least = kNone;
    std::ifstream lines(groups);
    for (std::string line; std::getline(lines, line);) {
        // "0::/path" (version 2), "4:cpu,cpuacct:/path" (version 1)
        std::istringstream fields(line);
        std::string number, controllers, path;
        std::getline(std::getline(fields, number, ':'), controllers, ':') >> path;
        if (!controllers.empty() && ("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
        const std::string mount = controllers.empty() ? root : root + "/cpu";
        // Inside of a container the path may be one of the machine, of which nothing but the root is to be seen.
        if (path == "/" || path[0] != '/') path.clear();
        for (;; path.resize(path.rfind('/'))) {
            least = std::min(least, quota_of(mount + path));
            if (path.empty()) break;
        }
    }
    return least;
}

int available_processors() {
    int processors = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) processors = CPU_COUNT(&allowed);
    const double quota = cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota < processors) processors = static_cast<int>(std::ceil(quota));
#endif
    return std::max(processors, 1);
}

}  // namespace rnnfast
