#include <algorithm>
#include <utility>

#include "client/core/core_impl.hpp"
#include "sphinx/directory/repair_time.hpp"

namespace nightjar::client::core {

Core::Impl::BundlePtr Core::Impl::new_bundle() const {
    return std::make_shared<Bundle>(
        stream::MuxLimits::for_rate(document->parameters.main_slots.per_second(),
                                    directory::repair_time(document->parameters)));
}

void Core::Impl::follow_handover(base::Mono now) {
    for (auto& [handle, live] : sessions)
        if (live.session->join_state() == Session::Join::refused) refused(live);
    const auto main = plan.current(now);
    const auto before = std::exchange(shared_main, main);
    if (before && main && before != main) hand_over(*before, *main);
}

/// Only if the last session has streams does the exit learn that both belong to one client.
void Core::Impl::hand_over(SessionHandle from, SessionHandle to) {
    const auto before = sessions.find(from);
    const auto after = sessions.find(to);
    const auto* planned = plan.find(from);
    if (before == sessions.end() || after == sessions.end() || planned == nullptr) return;
    const auto& old = *before->second.session;
    auto& next = *after->second.session;
    // It asked for as long as it was main and had no answer. A successor could join what it has at
    // the exit, and that need not be these streams.
    if (old.join_state() == Session::Join::asking) return refused(before->second);
    const bool alive = !planned->dead && old.answered() && !old.forgotten();
    if (!alive || old.exit() != next.exit()) return;
    const auto& bundle = before->second.bundle;
    if (bundle->streams.empty() || !after->second.bundle->mux.unused()) return;
    next.join({bundle, &bundle->mux}, old.join_token());
    after->second.bundle = bundle;
}

/// The session joins no other: its exit has refused, or not answered. It has its own streams again.
void Core::Impl::refused(SessionEntry& live) {
    if (!carried_by_others(live)) reset_all_streams(*live.bundle);
    live.bundle = new_bundle();
    live.session->use({live.bundle, &live.bundle->mux});
}

bool Core::Impl::carried_by_others(const SessionEntry& live) const {
    return std::any_of(sessions.begin(), sessions.end(), [&](const auto& other) {
        return &other.second != &live && other.second.bundle == live.bundle;
    });
}

void Core::Impl::leave_streams(SessionHandle handle, SessionEntry& live) {
    if (!carried_by_others(live)) return reset_all_streams(*live.bundle);
    if (live.session->forgotten()) reset_opening(handle, *live.bundle);
    live.bundle->mux.carrier_ended(handle);
    live.session->retire();
    live.bundle = new_bundle();
}

/// The exit may have begun these streams in the session that took the forgotten one's place. If
/// their OPENs left again in another session, it would connect twice.
void Core::Impl::reset_opening(SessionHandle handle, Bundle& bundle) {
    collect(bundle, nullptr);
    std::map<stream::StreamId, StreamRef> ended;
    for (const auto id : bundle.mux.opening_in(handle)) {
        const auto known = bundle.streams.extract(id);
        if (known)
            ended.emplace(id, known.mapped());
        else
            bundle.mux.reset(id, stream::ResetReason::session_ended);
    }
    reset_streams(bundle, ended);
}

void Core::Impl::reset_all_streams(Bundle& bundle) {
    reset_streams(bundle, std::exchange(bundle.streams, {}));
}

void Core::Impl::reset_streams(Bundle& bundle, const std::map<stream::StreamId, StreamRef>& ended) {
    auto& mux = bundle.mux;
    for (const auto& [id, ref] : ended) {
        auto& stream = streams.at(ref);
        stream.rest.resize(mux.readable(id));
        mux.read(id, stream.rest);
    }
    for (const auto& event : mux.take_events()) {
        const auto found = ended.find(event.stream);
        if (event.kind == stream::Event::Kind::finished && found != ended.end())
            streams.at(found->second).rest_complete = true;
    }
    for (const auto& [id, ref] : ended) {
        auto& stream = streams.at(ref);
        mux.reset(id, stream::ResetReason::session_ended);
        stream.bundle.reset();
        if (!stream.rest.empty()) {
            report(ref, stream::Event::Kind::stopped, stream::ResetReason::session_ended);
            continue;
        }
        report(ref, stream::Event::Kind::reset, stream::ResetReason::session_ended);
        streams.erase(ref);
    }
}

void Core::Impl::report(StreamRef ref, stream::Event::Kind kind, stream::ResetReason reason) {
    CoreEvent event{.stream = ref, .event = {}};
    event.event.kind = kind;
    event.event.reason = reason;
    events.push_back(std::move(event));
}

/// The bytes that arrived in order before their session ended are good. The end is not, unless it
/// is the target's own.
std::size_t Core::Impl::read_rest(StreamRef ref, Stream& stream, base::ByteSpan out) {
    const auto n = std::min(out.size(), stream.rest.size() - stream.rest_read);
    std::copy_n(stream.rest.begin() + static_cast<std::ptrdiff_t>(stream.rest_read), n,
                out.begin());
    stream.rest_read += n;
    if (stream.rest_read < stream.rest.size()) return n;
    if (stream.rest_complete)
        report(ref, stream::Event::Kind::finished, stream::ResetReason::session_ended);
    if (!stream.rest_complete || !stream.sent_all)
        report(ref, stream::Event::Kind::reset, stream::ResetReason::session_ended);
    streams.erase(ref);
    return n;
}

}  // namespace nightjar::client::core
