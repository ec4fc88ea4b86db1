// Signs of life between the workers of a group. A collective may wait long for a worker that evaluates or commits; one whose
// process stands still, or whose machine is gone, must be told from that.
#pragma once
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <memory>

namespace gn {

// Counts up a key of its own in the group's store and watches those of the others, on a thread of its own.
class Heartbeat {
public:
    // store: a connection that nothing else uses.
    Heartbeat(c10::intrusive_ptr<c10d::Store> store, int rank, int size);
    ~Heartbeat();
    Heartbeat(const Heartbeat&) = delete;
    Heartbeat& operator=(const Heartbeat&) = delete;

    // A worker that gave no sign for this long, or -1. Where the store itself is silent, it is worker 0, who holds it.
    int silent(std::chrono::milliseconds limit) const;

private:
    struct State;

    std::shared_ptr<State> state_;
};

}  // namespace gn
