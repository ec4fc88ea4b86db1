#include "group.h"

#include <thread>

namespace gn {

// A collective ends by its result, by a closed connection or by silent(); a worker may well be busy for longer than any fixed limit.
constexpr std::chrono::hours CollectiveLimit{24 * 7};
constexpr std::chrono::milliseconds PollInterval{10};

Group::Group(Membership membership, std::chrono::milliseconds timeout) : membership_(std::move(membership)), timeout_(timeout) {
    c10d::TCPStoreOptions options;
    options.port = membership_.port;
    options.isServer = membership_.rank == 0;
    options.waitWorkers = false;
    options.timeout = timeout;
    store_ = c10::make_intrusive<c10d::TCPStore>(membership_.meeting, options);
    keys_ = c10::make_intrusive<c10d::PrefixStore>(membership_.name, store_);
}

// The store's own wait would leave its connection in the middle of an answer when the time is over.
bool Group::gather(std::chrono::milliseconds patience) {
    if (!said_) keys_->set("here/" + std::to_string(membership_.rank), {1});
    said_ = true;
    std::vector<std::string> all;
    for (int r = 0; r < membership_.size; r++) all.push_back("here/" + std::to_string(r));
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!keys_->check(all)) {
        if (std::chrono::steady_clock::now() >= until) return false;
        std::this_thread::sleep_for(PollInterval);
    }
    return true;
}

void Group::connect(std::chrono::milliseconds timeout) {
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    options->threads = 2;
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(membership_.host));
    keys_->setTimeout(timeout);
    auto mesh = c10::make_intrusive<c10d::PrefixStore>("mesh", keys_);
    auto processes = c10::make_intrusive<Processes>(mesh, membership_.rank, membership_.size, options);
    processes->set_limit(CollectiveLimit);
    beats_ = std::make_unique<Heartbeat>(client(), membership_.rank, membership_.size);
    processes_ = std::move(processes);
}

c10d::ProcessGroupGloo& Group::processes() {
    TORCH_CHECK(processes_, "the group is not connected");
    return *processes_;
}

// A connection of its own to the meeting point: the one that the group has is busy while it waits.
c10::intrusive_ptr<c10d::Store> Group::client() const {
    c10d::TCPStoreOptions options;
    options.port = store_->getPort();
    options.waitWorkers = false;
    options.timeout = timeout_;
    auto store = c10::make_intrusive<c10d::TCPStore>(membership_.meeting, options);
    return c10::make_intrusive<c10d::PrefixStore>(membership_.name, store);
}

}  // namespace gn
