#include "client/apps/lookups.hpp"

#include "sphinx/node/process/event.hpp"

namespace nightjar::client::apps {

using protocol::socks5::Reply;

/// One lookup. It leaves nothing behind, also if its task is cancelled.
struct Lookups::Lookup {
    Lookup(Lookups& owner, core::StreamRef asked)
        : lookups{owner}, stream{asked}, news{owner.executor_} {
        lookups.lookups_.emplace(stream, this);
    }
    ~Lookup() {
        lookups.lookups_.erase(stream);
        lookups.core_->reset(stream);
    }
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    Lookups& lookups;
    const core::StreamRef stream;
    node::process::Event news;
    bool finished = false;
    std::optional<stream::ResetReason> reset;
};

asio::awaitable<Lookups::Records> Lookups::ask(core::IsolationKey isolation,
                                               stream::Target target) {
    if (lookups_.size() >= limits_.lookups || core_->full())
        co_return base::Fail{Reply::overloaded};
    const auto stream = core_->open(isolation, target);
    if (!stream) co_return base::Fail{Reply::no_session};
    Lookup lookup{*this, *stream};
    const auto deadline = std::chrono::steady_clock::now() + limits_.answer;
    base::Bytes answer(stream::records_bytes_max + 1);
    std::size_t have = 0;
    while (!lookup.finished && !lookup.reset) {
        const auto count = core_->read(*stream, base::ByteSpan{answer}.subspan(have));
        have += count;
        if (have == answer.size()) break;
        if (count > 0) continue;
        const auto left = deadline - std::chrono::steady_clock::now();
        if (left <= base::Nanoseconds{0}) co_return base::Fail{Reply::ttl_expired};
        co_await lookup.news.wait_for(left);
    }
    if (lookup.reset) co_return base::Fail{protocol::socks5::reply_for(*lookup.reset)};
    answer.resize(have);
    const auto records = stream::decode_records(answer);
    if (!lookup.finished || !records) co_return base::Fail{Reply::general_failure};
    co_return *records;
}

asio::awaitable<base::Bytes> Lookups::answer(core::IsolationKey isolation,
                                             protocol::dns::Question question, bool private_targets,
                                             std::size_t most) {
    const auto records = co_await ask(std::move(isolation), question.target());
    if (!records)
        co_return protocol::dns::failure(question, protocol::dns::code_for(records.error()));
    co_return protocol::dns::answer(question, *records, private_targets, most);
}

void Lookups::dispatch(core::StreamRef stream, const stream::Event& event) {
    const auto found = lookups_.find(stream);
    if (found == lookups_.end()) return;
    auto& lookup = *found->second;
    using Kind = stream::Event::Kind;
    switch (event.kind) {
        case Kind::finished:
            lookup.finished = true;
            break;
        case Kind::reset:
            lookup.reset = event.reason;
            break;
        case Kind::accepted:
        case Kind::readable:
        case Kind::writable:
        case Kind::stopped:
        case Kind::opened:
        case Kind::pong:
            break;
    }
    lookup.news.set();
}

}  // namespace nightjar::client::apps
