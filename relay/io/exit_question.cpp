#include "relay/io/exit_question.hpp"

#include <algorithm>
#include <chrono>

namespace nightjar::relay::io {

namespace asio = boost::asio;
using core::NameError;
using stream::ResetReason;

namespace {

base::Mono mono_now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

Question::Question(asio::any_io_executor executor, const core::ExitPolicy& policy,
                   core::RaceLimits limits)
    : policy_{policy}, limits_{limits}, news_{std::move(executor)} {}

asio::awaitable<base::Result<Records, ResetReason>> Question::run(ExitNames& names,
                                                                  base::SessionId session,
                                                                  std::string host) {
    until_ = mono_now() + limits_.total;
    if (const auto address = base::IpAddress::parse(host)) {
        if (!policy_.may_name(*address)) co_return base::Fail{ResetReason::refused_by_policy};
        wanted_ = 1;
        auto on_answer = [waiting = weak_from_this()](const auto& answer) {
            if (const auto self = waiting.lock()) self->on_name(answer);
        };
        names.find_name(session, *address, std::move(on_answer));
    } else {
        names.find(session, host, shared_from_this());
    }
    for (auto now = mono_now(); !cancelled_ && answers_ < wanted_ && now < until_;
         now = mono_now()) {
        co_await news_.wait_for(until_ - now);
    }
    co_return outcome(mono_now());
}

Question::Outcome Question::outcome(base::Mono now) const {
    if (cancelled_) return base::Fail{ResetReason::cancelled};
    if (!records_.empty()) return records_;
    if (refused_) return base::Fail{ResetReason::refused_by_policy};
    if (answers_ < wanted_ && now >= until_) return base::Fail{ResetReason::timed_out};
    // A family about which no server spoke may have an address.
    for (const auto error : errors_) {
        const auto reason = core::reason_of(error);
        if (reason != ResetReason::unresolvable) return base::Fail{reason};
    }
    return base::Fail{ResetReason::unresolvable};
}

void Question::on_answer(core::Family, const core::NameAnswer& answer) {
    ++answers_;
    if (!answer) errors_.push_back(answer.error());
    if (answer) add(*answer);
    if (!records_.empty()) until_ = std::min(until_, mono_now() + limits_.other_family);
    news_.set();
}

/// Each family may fill half of the answer.
void Question::add(const core::NameAddresses& found) {
    std::size_t added = 0;
    for (const auto& address : found.addresses) {
        if (!policy_.may_name(address))
            refused_ = true;
        else if (++added <= stream::records_max / core::families.size())
            records_.push_back({address, static_cast<std::uint32_t>(found.ttl.count())});
    }
}

void Question::on_name(const base::Result<std::string, NameError>& answer) {
    ++answers_;
    if (answer)
        records_.push_back({*answer, 0});
    else
        errors_.push_back(answer.error());
    news_.set();
}

bool Question::no_descriptors() const {
    return std::find(errors_.begin(), errors_.end(), NameError::no_descriptors) != errors_.end();
}

void Question::cancel() {
    cancelled_ = true;
    news_.set();
}

}  // namespace nightjar::relay::io
