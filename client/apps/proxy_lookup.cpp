#include "client/apps/application.hpp"
#include "client/apps/proxy.hpp"

namespace nightjar::client::apps {

using namespace protocol;

base::Bytes Proxy::own_answer(const base::IpAddress& address) const {
    const stream::NameRecord record{address, 0};
    return socks5::answer_bytes({&record, 1}, false, private_targets_);
}

/// Waits for the records of a lookup, and answers. The deadline is that of a connection.
asio::awaitable<void> Proxy::answer_lookup(Ref application) {
    base::Bytes answer(stream::records_bytes_max + 1);
    std::size_t have = 0;
    while (!application->finished && !application->reset && !application->gone) {
        const auto count = core_->read(application->stream, base::ByteSpan{answer}.subspan(have));
        have += count;
        if (have == answer.size()) break;
        if (count == 0) co_await application->news.wait();
    }
    if (application->gone) co_return;
    answer.resize(have);
    const auto& handshake = application->handshake;
    auto reply = handshake.reply_bytes(socks5::Reply::general_failure);
    const auto records = stream::decode_records(answer);
    if (application->reset)
        reply = handshake.reply_bytes(socks5::reply_for(*application->reset));
    else if (application->finished && records)
        reply = socks5::answer_bytes(*records, application->wants_name, private_targets_);
    co_await send_refusal(application, std::move(reply));
}

}  // namespace nightjar::client::apps
