// A group of workers: a meeting point (c10d::TCPStore), a process group (c10d, Gloo), signs of life.
#pragma once
#include "heartbeat.h"

#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace gn {

struct Membership {
    int rank;
    int size;
    std::string name;     // Workers of different names never meet.
    std::string meeting;  // Host of the meeting point.
    uint16_t port;        // 0 for worker 0, who opens it.
    std::string host;     // By which the others reach this worker.
};

using Work = c10::intrusive_ptr<c10d::Work>;

// Gloo takes one limit for connecting and for every collective; this one can be given a second.
class Processes : public c10d::ProcessGroupGloo {
public:
    using ProcessGroupGloo::ProcessGroupGloo;

    void set_limit(std::chrono::milliseconds limit) {
        options_->timeout = limit;
        for (auto& context : contexts_) context->setTimeout(limit);
    }
};

class Group {
public:
    // Worker 0 opens the meeting point, the others connect to it.
    Group(Membership membership, std::chrono::milliseconds timeout);

    int port() const { return store_->getPort(); }

    // Says that this worker is ready; true when all are, false where some are not after this long.
    bool gather(std::chrono::milliseconds patience);

    // Connects every worker with every other one. All must have been gathered.
    void connect(std::chrono::milliseconds timeout);

    // A worker that gave no sign of life for this long, or -1.
    int silent(std::chrono::milliseconds limit) const { return beats_ ? beats_->silent(limit) : -1; }

    c10d::ProcessGroupGloo& processes();

private:
    c10::intrusive_ptr<c10d::Store> client() const;

    const Membership membership_;
    const std::chrono::milliseconds timeout_;
    c10::intrusive_ptr<c10d::TCPStore> store_;
    c10::intrusive_ptr<c10d::Store> keys_;
    bool said_ = false;
    std::unique_ptr<Heartbeat> beats_;
    c10::intrusive_ptr<Processes> processes_;
};

}  // namespace gn
