// Threads that meet step by step: as long as each has a processor they do; where one loses it for long they stop for a
// while, and begin again. Prints "checked" or what is wrong first.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "cpu/thread_pool.hpp"

using namespace rnnfast;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

void require(bool right, const char* what) {
    if (right) return;
    std::printf("%s\n", what);
    std::exit(1);
}

// Meets so often; before the last meeting the members sleep, each for its time. How many met.
int meet(int meetings, milliseconds first, milliseconds second) {
    int met = 0;
    run_team({2, true}, [&](Member& member) {
        member.together([&](Party& party) {
            if (party.rank == 0) met = party.size;
            for (int i = 0; i < meetings; ++i) {
                if (i == meetings - 1) std::this_thread::sleep_for(party.rank == 0 ? first : second);
                party.meet();
            }
        });
    });
    return met;
}

// Whether two meet before so long has gone by: a worker may have no processor the first time.
bool two_meet(seconds limit, int meetings, milliseconds first = {}, milliseconds second = {}) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end)
        if (meet(meetings, first, second) == 2) return true;
    return false;
}

}  // namespace

int main() {
    constexpr milliseconds kLong(300), kLonger(400);
    constexpr seconds kPatience(60), kBeforeAPauseEnds(2);
    require(two_meet(kPatience, 10), "two threads never met");
    // On a busy machine more time may be lost than is slept: then they stop, and it is tried again.
    bool go_on = false;
    for (const auto end = std::chrono::steady_clock::now() + kPatience;
         !go_on && std::chrono::steady_clock::now() < end;) {
        require(two_meet(kPatience, 1000, kLong, kLonger), "two threads never met for uneven work");
        go_on = two_meet(kBeforeAPauseEnds, 10);
    }
    require(go_on, "they stopped meeting, but no time was lost");
    require(two_meet(kPatience, 1000, {}, kLong), "two threads never met before one lost its processor");
    require(!two_meet(kBeforeAPauseEnds, 10), "they went on meeting, but most of the time was lost");
    require(two_meet(kPatience, 10), "they never began again");
    std::puts("checked");
}
