#include "heartbeat.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gn {
namespace {
constexpr std::chrono::milliseconds BeatInterval{500};

int64_t now() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
}  // namespace

// Shared with the thread, which may outlive its owner: a store whose holder stands still answers late or never.
struct Heartbeat::State {
    State(c10::intrusive_ptr<c10d::Store> store, int rank, int size)
        : store(std::move(store)), rank(static_cast<size_t>(rank)), counts(static_cast<size_t>(size)), heard(static_cast<size_t>(size)), answered(now()) {
        for (auto& at : heard) at = now();
    }

    void run() {
        std::unique_lock<std::mutex> lock(gate);
        while (!stopping) {
            lock.unlock();
            bool alive = true;
            try {
                beat();
            } catch (...) {
                alive = false;  // The store is gone, and with it worker 0: nothing is heard any more, which is what silent() tells.
            }
            lock.lock();
            if (!alive) return;
            stop.wait_for(lock, BeatInterval, [this] { return stopping; });
        }
    }

    void beat() {
        for (size_t r = 0; r < heard.size(); r++) {
            const auto count = store->add("beat/" + std::to_string(r), r == rank ? 1 : 0);
            answered = now();
            if (count == counts[r]) continue;
            counts[r] = count;
            heard[r] = now();
        }
    }

    const c10::intrusive_ptr<c10d::Store> store;
    const size_t rank;
    std::vector<int64_t> counts;
    std::vector<std::atomic<int64_t>> heard;  // milliseconds of the monotonic clock, as is the next one
    std::atomic<int64_t> answered;
    std::mutex gate;
    std::condition_variable stop;
    bool stopping = false;
};

Heartbeat::Heartbeat(c10::intrusive_ptr<c10d::Store> store, int rank, int size) : state_(std::make_shared<State>(std::move(store), rank, size)) {
    std::thread([state = state_] { state->run(); }).detach();
}

Heartbeat::~Heartbeat() {
    std::lock_guard<std::mutex> lock(state_->gate);
    state_->stopping = true;
    state_->stop.notify_all();
}

int Heartbeat::silent(std::chrono::milliseconds limit) const {
    const auto oldest = now() - limit.count();
    if (state_->answered < oldest) return 0;
    for (size_t r = 0; r < state_->heard.size(); r++)
        if (r != state_->rank && state_->heard[r] < oldest) return static_cast<int>(r);
    return -1;
}

}  // namespace gn
