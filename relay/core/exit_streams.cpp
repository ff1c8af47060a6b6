// What ExitSessions passes on to the streams, whichever sessions carry them.
#include "relay/core/exit_sessions.hpp"
#include "relay/core/exit_sessions_impl.hpp"

namespace nightjar::relay::core {

/// Every call that may change streams is made through a Change. When it ends, it charges
/// what they hold now and enforces the memory limit, which may end them.
class ExitSessions::Impl::Change {
 public:
    Change(Impl& sessions, const base::SessionId& name) : sessions_{sessions}, name_{name} {
        const auto it = sessions.streams.find(name);
        if (it != sessions.streams.end()) streams_ = it->second.streams.get();
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    ~Change() {
        if (streams_ == nullptr) return;
        sessions_.charge(name_);
        sessions_.enforce_memory_limit();
    }
    explicit operator bool() const { return streams_ != nullptr; }
    stream::Mux& mux() const { return streams_->mux; }
    NameAnswers& names() const { return streams_->names; }

 private:
    Impl& sessions_;
    const base::SessionId name_;
    ExitStreams* streams_ = nullptr;
};

base::Paid ExitSessions::paid(const base::SessionId& session) const {
    const auto it = impl_->streams.find(session);
    return it == impl_->streams.end() ? base::Paid{} : it->second.streams->paid();
}

void ExitSessions::accept(const StreamRef& stream) {
    if (const Impl::Change change{*impl_, stream.session}) change.mux().accept(stream.stream);
}

std::size_t ExitSessions::write(const StreamRef& stream, base::ByteView bytes) {
    const Impl::Change change{*impl_, stream.session};
    return change ? change.mux().write(stream.stream, bytes) : 0;
}

std::size_t ExitSessions::writable(const StreamRef& stream) const {
    const auto* mux = impl_->mux(stream.session);
    return mux ? mux->writable(stream.stream) : 0;
}

std::size_t ExitSessions::read(const StreamRef& stream, base::ByteSpan out) {
    const Impl::Change change{*impl_, stream.session};
    if (!change) return 0;
    impl_->note_change(stream.session);
    return change.mux().read(stream.stream, out);
}

void ExitSessions::finish(const StreamRef& stream) {
    if (const Impl::Change change{*impl_, stream.session}) change.mux().finish(stream.stream);
}

void ExitSessions::stop(const StreamRef& stream, stream::ResetReason reason) {
    if (const Impl::Change change{*impl_, stream.session}) change.mux().stop(stream.stream, reason);
}

void ExitSessions::reset(const StreamRef& stream, stream::ResetReason reason) {
    const Impl::Change change{*impl_, stream.session};
    if (!change) return;
    impl_->note_change(stream.session);
    change.mux().reset(stream.stream, reason);
}

std::optional<NameAnswer> ExitSessions::remembered(const base::SessionId& session,
                                                   std::string_view name, Family family,
                                                   base::Mono now) const {
    const auto it = impl_->streams.find(session);
    if (it == impl_->streams.end()) return std::nullopt;
    return it->second.streams->names.find(name, family, now);
}

void ExitSessions::remember(const base::SessionId& session, std::string_view name, Family family,
                            const NameAnswer& answer, base::Mono now) {
    if (const Impl::Change change{*impl_, session})
        change.names().remember(name, family, answer, now);
}

void ExitSessions::remember_silence(const base::SessionId& session, std::string_view name,
                                    Family family, base::Mono now) {
    if (const Impl::Change change{*impl_, session})
        change.names().remember_silence(name, family, now);
}

void ExitSessions::forget_names() {
    for (auto& [name, carried] : impl_->streams) {
        carried.streams->names.clear();
        impl_->charge(name);
    }
}

}  // namespace nightjar::relay::core
