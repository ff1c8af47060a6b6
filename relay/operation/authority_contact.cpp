#include "relay/operation/authority_contact.hpp"

#include <algorithm>

#include "sphinx/directory/descriptor.hpp"
#include "sphinx/directory/diff.hpp"
#include "sphinx/directory/statement.hpp"
#include "sphinx/node/config/service_name.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/files/text_file.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::operation {

namespace fs = std::filesystem;
using node::process::as_result;
using node::process::Level;
using node::process::log;

namespace {

constexpr base::Milliseconds wait_max{5000};  // the kept time may jump while this waits
constexpr base::Seconds ask_patience{30};
constexpr base::Seconds ask_patience_of_several{10};
constexpr std::size_t said_max = 300;

/// Empty if there is no such file.
std::string read(const fs::path& file, std::size_t size_max) {
    auto text = node::files::read_file(file, size_max);
    return text ? *std::move(text) : std::string{};
}

/// The first line of an answer, for the operator's terminal: printable, and not long.
std::string first_line(std::string_view body) {
    auto line = std::string{body.substr(0, std::min(body.find('\n'), said_max))};
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return line;
}

/// The document, if it is one of the network and is valid at its beginning.
std::optional<directory::Document> check_text(std::string_view text,
                                              const directory::Anchors& anchors, base::Wall now) {
    auto parsed = directory::parse(text);
    if (!parsed) return std::nullopt;
    const auto when = std::max(now, parsed->valid_from);
    if (!directory::check(*parsed, anchors, when, {})) return std::nullopt;
    return *std::move(parsed);
}

fs::path next_of(const fs::path& document) {
    return document.string() + ".next";
}

}  // namespace

void begin_next_document(const fs::path& document, const directory::Anchors& anchors,
                         base::Wall now) {
    const auto next = next_of(document);
    if (!fs::exists(next)) return;
    const auto waiting = check_text(read(next, directory::document_text_max), anchors, now);
    if (waiting && waiting->valid_from > now) return;
    // An invalid or expired one is of no use.
    std::error_code ignored;
    if (waiting)
        fs::rename(next, document, ignored);
    else
        fs::remove(next, ignored);
}

AuthorityContact::AuthorityContact(boost::asio::any_io_executor executor, ContactOptions options)
    : options_{std::move(options)},
      plan_{options_.epoch_length, random_},
      timer_{std::move(executor)},
      offsets_{options_.anchors.services.size()} {
    for (const auto& service : options_.anchors.services) {
        const auto host = base::IpAddress::parse(service.address.host);
        peers_.push_back({{host.value(), service.address.port}, service.key});
    }
    asked_ = static_cast<std::size_t>(random_.below(peers_.size()));
    facts_.address = directory::to_text(options_.anchors.services[asked_].address);
    facts_.said = "not asked yet";
}

boost::asio::awaitable<void> AuthorityContact::run() {
    look_at_files();
    for (;;) {
        begin_next(options_.now());
        const auto now = options_.now();
        const auto step = plan_.next(now);
        if (step.what != AuthorityPlan::Step::What::wait) {
            co_await take(step);
            continue;
        }
        auto until = step.until;
        if (next_begins_) until = std::min(until, *next_begins_);
        timer_.expires_after(std::clamp(until - now, base::Milliseconds{1}, wait_max));
        const auto waited = co_await timer_.async_wait(as_result);
        if (std::get<0>(waited)) co_return;
    }
}

/// What is here already from an earlier run, or put here by hand.
void AuthorityContact::look_at_files() {
    const auto now = options_.now();
    const auto& anchors = options_.anchors.anchors;
    for (const auto& file : {options_.document, next_of(options_.document)}) {
        const auto found = check_text(read(file, directory::document_text_max), anchors, now);
        if (!found) continue;
        plan_.have(found->epoch);
        if (file != options_.document) next_begins_ = found->valid_from;
    }
}

void AuthorityContact::begin_next(base::Wall now) {
    if (!next_begins_ || now < *next_begins_) return;
    begin_next_document(options_.document, options_.anchors.anchors, now);
    next_begins_.reset();
    options_.on_document();
}

boost::asio::awaitable<void> AuthorityContact::take(AuthorityPlan::Step step) {
    bool done = false;
    std::string error;
    try {
        if (step.what == AuthorityPlan::Step::What::send)
            done = co_await send(step.epoch);
        else
            done = co_await fetch(step.epoch);
    } catch (const boost::system::system_error& cancelled) {
        if (cancelled.code() == boost::asio::error::operation_aborted) throw;
        error = cancelled.what();
    } catch (const std::exception& full_disk) {
        error = full_disk.what();
    }
    if (!error.empty()) log(Level::warning, error);
    if (done) co_return;
    if (step.what == AuthorityPlan::Step::What::fetch) ++facts_.fetch_failures;
    plan_.failed(options_.now());
}

void AuthorityContact::say(base::Epoch descriptor, bool accepted, std::string line) {
    const bool news = line != facts_.said;
    facts_.address = directory::to_text(options_.anchors.services[asked_ % peers_.size()].address);
    facts_.descriptor = descriptor;
    facts_.accepted = accepted;
    facts_.said = std::move(line);
    if (news && !accepted)
        log(Level::warning, node::config::name_of_service(asked_ % peers_.size()) +
                                " does not take the descriptor: " + facts_.said);
}

std::optional<ClockOpinion> AuthorityContact::clock() const {
    return offsets_.opinion(node::process::read_clocks().difference());
}

std::optional<base::Milliseconds> AuthorityContact::clock_ahead() const {
    const auto opinion = clock();
    return opinion ? std::optional{opinion->ahead} : std::nullopt;
}

boost::asio::awaitable<AuthorityContact::Reply> AuthorityContact::ask(
    const node::https::Request& request, node::https::ClientLimits limits) {
    const auto which = asked_ % peers_.size();
    const auto before = node::process::read_clocks();
    auto reply = co_await node::https::ask(peers_[which], request, limits);
    // By the boot clock: the wall clock may have been set meanwhile.
    const auto took = node::process::read_clocks().boot - before.boot;
    if (reply && reply->date)
        offsets_.hear(
            which,
            {*reply->date, before.wall, before.wall + std::chrono::ceil<base::Milliseconds>(took)},
            before.difference());
    co_return reply;
}

boost::asio::awaitable<bool> AuthorityContact::send(base::Epoch epoch) {
    const auto current = directory::epoch_at(options_.now(), options_.epoch_length);
    const auto* name = epoch == current ? "descriptor" : "descriptor.next";
    const auto text = read(options_.data_dir / name, directory::descriptor_size_max);
    const auto mine = directory::parse_descriptor(text);
    if (!mine || mine->epoch != epoch) co_return false;  // it is written within seconds of the turn
    node::https::ClientLimits limits;
    limits.body_max = 4096;
    limits.deadline = ask_patience;
    // Named: g++ 12 destroys a temporary in a co_await expression twice.
    const node::https::Request request{"POST", "/descriptor", text, {}};
    const auto count = peers_.size();
    if (count > 1) limits.deadline = ask_patience_of_several;
    // A faulty authority may drop what it has taken. They pass descriptors on to each other, so one
    // more than there may be faulty ones is enough.
    const auto needed = count - directory::signatures_needed(count) + 1;
    std::size_t settled = 0;
    for (std::size_t asked = 0; asked < count && settled < needed; ++asked) {
        const auto reply = co_await ask(request, limits);
        const bool accepted = reply && reply->status == 200;
        say(epoch, accepted, reply ? first_line(reply->body) : reply.error());
        const bool too_late = reply && reply->status == 409;
        if (accepted || too_late) ++settled;
        if (!reply || count > 1) ++asked_;
    }
    if (settled >= needed) plan_.settled(epoch);
    co_return settled >= needed;
}

boost::asio::awaitable<base::Result<node::https::Reply, std::string>> AuthorityContact::get(
    std::string target) {
    node::https::ClientLimits limits;
    limits.body_max = directory::document_text_max;
    limits.deadline = peers_.size() > 1 ? ask_patience_of_several : ask_patience;
    // Named: g++ 12 destroys a temporary in a co_await expression twice.
    const node::https::Request request{"GET", std::move(target), {}, {}, node::https::Coding::zstd};
    auto reply = co_await ask(request, limits);
    co_return reply;
}

boost::asio::awaitable<std::string> AuthorityContact::document_text(base::Epoch epoch) {
    const auto target = "/document/" + std::to_string(epoch.value);
    const auto diff_target = "/diff/" + std::to_string(epoch.value);
    const auto older = read(options_.document, directory::document_text_max);
    const auto held = directory::parse(older);
    if (held && held->epoch.next() == epoch) {
        const auto diff = co_await get(diff_target);
        if (diff && diff->status == 200)
            if (auto text = directory::apply_diff(older, diff->body)) co_return *std::move(text);
    }
    auto whole = co_await get(target);
    if (!whole || whole->status != 200) co_return std::string{};
    co_return std::move(whole->body);
}

boost::asio::awaitable<bool> AuthorityContact::fetch(base::Epoch epoch) {
    const auto from = node::config::name_of_service(asked_ % peers_.size());
    const auto text = co_await document_text(epoch);
    ++asked_;  // the next question is for another one
    if (text.empty()) co_return false;
    const auto now = options_.now();
    const auto document = check_text(text, options_.anchors.anchors, now);
    if (!document || document->epoch != epoch) {
        log(Level::warning, from + " sent a document of epoch " + std::to_string(epoch.value) +
                                " that is not to be trusted");
        co_return false;
    }
    const bool early = document->valid_from > now;
    node::files::replace_file(early ? next_of(options_.document) : options_.document, text,
                              node::files::Durability::rename_only);
    plan_.have(epoch);
    if (early)
        next_begins_ = document->valid_from;
    else
        options_.on_document();
    if (peers_.size() > 1) co_await compare(*document);
    co_return true;
}

/// Authorities that lie together could give each relay a document of its own.
boost::asio::awaitable<void> AuthorityContact::compare(const directory::Document& ours) {
    node::https::ClientLimits limits;
    limits.body_max = directory::document_text_max;
    limits.deadline = ask_patience_of_several;
    const node::https::Request request{"GET",
                                       "/document/" + std::to_string(ours.epoch.value),
                                       {},
                                       directory::etag(ours.epoch, directory::signed_text(ours)),
                                       node::https::Coding::zstd};
    const auto reply = co_await ask(request, limits);
    if (!reply || reply->status != 200) co_return;  // usually 304: it has the same one
    const auto other = check_text(reply->body, options_.anchors.anchors, options_.now());
    if (!other) co_return;
    if (const auto alarm = options_.evidence->compare(ours, *other)) log(Level::error, *alarm);
}

}  // namespace nightjar::relay::operation
