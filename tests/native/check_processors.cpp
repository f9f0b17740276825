// The quotas of control groups, as Linux writes them, in folders under the one that is given.
// Prints "checked" or what is wrong first.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "cpu/processors.hpp"

using namespace rnnfast;
using std::filesystem::path;

namespace {

void write(const path& file, const std::string& text) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
}

void expect(const path& root, const std::string& groups, double right) {
    write(root / "groups", groups);
    const double found = cpu_quota((root / "groups").string(), root.string());
    if (found == right) return;
    std::printf("expected %g processors, got %g, for:\n%s", right, found, groups.c_str());
    std::exit(1);
}

}  // namespace

int main(int, char** arguments) {
    const path root(arguments[1]);
    const std::string version_1 = "9:memory:/a\n4:cpu,cpuacct:/a/b\n3:cpuset:/c\n";
    expect(root, "", INFINITY);
    expect(root, version_1 + "0::/a/b\n", INFINITY);
    write(root / "a/b/cpu.max", "max 100000\n");
    expect(root, "0::/a/b\n", INFINITY);
    write(root / "a/cpu.max", "250000 100000\n");
    expect(root, "0::/a/b\n", 2.5);
    write(root / "a/b/cpu.max", "50000 100000\n");
    expect(root, "0::/a/b\n", 0.5);
    expect(root, "0::/a\n", 2.5);
    expect(root, "0::/\n", INFINITY);
    write(root / "cpu/a/b/cpu.cfs_quota_us", "-1\n");
    write(root / "cpu/a/b/cpu.cfs_period_us", "100000\n");
    write(root / "cpu/cpu.cfs_quota_us", "400000\n");
    write(root / "cpu/cpu.cfs_period_us", "100000\n");
    write(root / "cpu/c/cpu.cfs_quota_us", "100000\n");
    write(root / "cpu/c/cpu.cfs_period_us", "100000\n");
    expect(root, version_1, 4);
    write(root / "cpu/a/b/cpu.cfs_quota_us", "150000\n");
    expect(root, version_1, 1.5);
    expect(root, "4:cpu\n4:cpu:\n4:cpu:..\n\n", 4);
    // A path of the machine's, in a container.
    expect(root, "4:cpu:/docker/0123\n", 4);
    std::puts(available_processors() >= 1 ? "checked" : "no processor is available");
}
