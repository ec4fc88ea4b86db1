// The exports of a group. A collective is started and then waited for in slices, so that the caller can look after its lease and
// after the others meanwhile. Every worker must start the same collectives in the same order.
#include "abi.h"
#include "group.h"

#include <string>

using gn::Group;
using gn::T;

namespace {
std::chrono::milliseconds limit_of(int32_t milliseconds) { return std::chrono::milliseconds(milliseconds); }

// What Gloo exchanges lies in host memory and in one piece.
at::Tensor plain(T t) {
    TORCH_CHECK(t && t->defined() && t->device().is_cpu() && t->is_contiguous(), "a collective needs a contiguous tensor in host memory");
    return t->detach();
}

std::vector<int64_t> counts_of(const int64_t* counts, int32_t n) { return std::vector<int64_t>(counts, counts + n); }
}  // namespace

// meeting: where worker 0 opens the store (port 0) and the others find it. Null on failure.
GN_EXPORT Group* gn_open(const char* name, const char* meeting, int32_t port, const char* host, int32_t rank, int32_t size, int32_t milliseconds) {
    GN_GUARD(nullptr,
        TORCH_CHECK(size > 0 && rank >= 0 && rank < size && (port > 0) == (rank > 0), "this is no membership");
        return new Group({rank, size, name, meeting, static_cast<uint16_t>(port), host}, limit_of(milliseconds));)
}

// Ends connections and threads. Only where no worker was lost: it waits for collectives under way.
GN_EXPORT int32_t gn_close(Group* group) { GN_DO(delete group) }

GN_EXPORT int32_t gn_port(Group* group) { GN_GUARD(0, return group->port();) }

// 1: all are ready; 0: not yet; -1: failed.
GN_EXPORT int32_t gn_gather(Group* group, int32_t milliseconds) { GN_GUARD(-1, return group->gather(limit_of(milliseconds)) ? 1 : 0;) }

GN_EXPORT int32_t gn_connect(Group* group, int32_t milliseconds) { GN_DO(group->connect(limit_of(milliseconds))) }

// The number of a silent worker, -1 where all are alive, -2 on failure.
GN_EXPORT int32_t gn_silent(Group* group, int32_t milliseconds) { GN_GUARD(-2, return group->silent(limit_of(milliseconds));) }

// out: as many pieces of in's size as there are workers, in their order.
GN_EXPORT gn::Work* gn_all_gather(Group* group, T out, T in) {
    GN_GUARD(nullptr,
        auto whole = plain(out);
        const auto size = group->processes().getSize();
        TORCH_CHECK(whole.numel() == plain(in).numel() * size, "all_gather: the output must hold one piece of the input's size for each worker");
        std::vector<std::vector<at::Tensor>> outputs{whole.view({-1}).chunk(size)};
        std::vector<at::Tensor> inputs{plain(in).view({-1})};
        return new gn::Work(group->processes().allgather(outputs, inputs));)
}

// Piece r of in (in_counts[r] elements) goes to worker r; out holds what came, in the workers' order.
GN_EXPORT gn::Work* gn_all_to_all(Group* group, T out, const int64_t* out_counts, T in, const int64_t* in_counts) {
    GN_GUARD(nullptr,
        const auto size = group->processes().getSize();
        auto outs = counts_of(out_counts, size);
        auto ins = counts_of(in_counts, size);
        auto output = plain(out).view({-1});
        auto input = plain(in).view({-1});
        return new gn::Work(group->processes().alltoall_base(output, input, outs, ins));)
}

// The sum over all workers, in place. Its bits depend on the number of workers.
GN_EXPORT gn::Work* gn_all_reduce(Group* group, T t) {
    GN_GUARD(nullptr,
        std::vector<at::Tensor> tensors{plain(t)};
        return new gn::Work(group->processes().allreduce(tensors));)
}

GN_EXPORT gn::Work* gn_broadcast(Group* group, T t, int32_t root) {
    GN_GUARD(nullptr,
        std::vector<at::Tensor> tensors{plain(t)};
        c10d::BroadcastOptions options;
        options.rootRank = root;
        return new gn::Work(group->processes().broadcast(tensors, options));)
}

GN_EXPORT gn::Work* gn_barrier(Group* group) { GN_GUARD(nullptr, return new gn::Work(group->processes().barrier());) }

// 1: done; 0: not yet; -1: failed.
GN_EXPORT int32_t gn_wait(gn::Work* work, int32_t milliseconds) {
    GN_GUARD(-1,
        try {
            (*work)->wait(limit_of(milliseconds));
            return 1;
        } catch (...) {
            if (!(*work)->isCompleted()) return 0;
            throw;
        })
}

GN_EXPORT int32_t gn_forget(gn::Work* work) { GN_DO(delete work) }
