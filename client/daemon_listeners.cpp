// Where applications come in: the configuration's listeners, and those that the control socket
// opens.
#include <algorithm>
#include <utility>

#include "client/daemon_impl.hpp"
#include "client/operation/listener_config.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::client {

namespace {

using protocol::api::Code;
using protocol::api::Error;

}  // namespace

void Daemon::listen() {
    for (auto& options : config_.listeners) {
        const auto address = proxy_.listen(options, config_.listeners_key);
        if (options.path.empty())  // with the port that was taken, for the next time
            options.endpoint = *directory::parse_endpoint(address);
        if (options.map) names_range_ = options.map;
        if (socks_.empty()) socks_ = address;
        listening_.push_back({options.way, address, false});
    }
    for (auto& options : std::exchange(config_.opened, {})) {
        next_listener_ = std::max(next_listener_, options.number + 1);
        // Another program may have the port by now. The client goes on without it.
        if (const auto opened = open(std::move(options), false); !opened)
            node::process::log(node::process::Level::warning, opened.error().message);
    }
    api_.listen(config_.control_socket);
    serve_metrics();
}

base::Result<operation::OpenedListener, Error> Daemon::open_listener(std::string_view description,
                                                                     bool passing) {
    auto options = operation::listener_of_json(description, config_.allow_remote);
    if (!options) return base::Fail{Error{Code::invalid_params, options.error()}};
    options->number = next_listener_++;
    return open(std::move(*options), passing);
}

base::Result<operation::OpenedListener, Error> Daemon::open(protocol::ListenerOptions options,
                                                            bool passing) {
    const auto fail = [](std::string_view why) {
        return base::Fail{Error{Code::no_listener, std::string{why}}};
    };
    if (shutdown_.requested()) return fail("the client is about to end");
    if (proxy_.listeners() >= operation::listeners_max) {
        return fail("no more than " + std::to_string(operation::listeners_max) +
                    " listeners can be open; close one first");
    }
    if (options.map && names_range_ && *options.map != *names_range_)
        return fail("the client has another range for names already; give `map` that one");
    // The first one would take the second one's file away when it is closed.
    if (!options.path.empty() && std::ranges::count(opened_, "unix:" + options.path,
                                                    &operation::OpenedListener::address) > 0)
        return fail("the client listens there already; close it first");
    try {
        const auto address = proxy_.listen(options, protocol::word_of(options.way));
        if (options.map) names_range_ = options.map;
        if (options.path.empty()) options.endpoint = *directory::parse_endpoint(address);
        opened_.push_back({options.number, address, options.way});
        if (!passing) config_.opened.push_back(std::move(options));
        return opened_.back();
    } catch (const node::process::StartupError& error) {
        std::string why = error.what();
        if (!options.path.empty() && error.code() == node::process::ExitCode::key_or_permission)
            why +=
                "; a client that runs can listen only in the folders of control_socket and "
                "state_dir, and of unix listeners in its configuration";
        return fail(why);
    } catch (const boost::system::system_error& error) {
        return fail("cannot listen: " + error.code().message());
    }
}

bool Daemon::close_listener(std::string_view address) {
    const auto found = std::ranges::find(opened_, address, &operation::OpenedListener::address);
    return found != opened_.end() && close_listener(found->number);
}

bool Daemon::close_listener(std::uint64_t number) {
    const auto of_number = [number](const auto& one) { return one.number == number; };
    std::erase_if(config_.opened, of_number);
    return std::erase_if(opened_, of_number) > 0 && proxy_.close_listener(number);
}

}  // namespace nightjar::client
