// Two threads count without a lock. ThreadSanitizer must end this program (planted_race.py).
#include <thread>

int main() {
    int count = 0;
    std::thread other{[&] { ++count; }};
    ++count;
    other.join();
    return count == 2 ? 0 : 1;
}
