// One HTTP message over a stream, with Beast's parser and our own loop. Beast's operations do the
// same, and take more than twice as long to compile. The stream's deadline
// bounds them. Used from the I/O thread.
#pragma once

#include <algorithm>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <sstream>
#include <string>
#include <utility>

#include "sphinx/node/process/completion.hpp"

namespace nightjar::node::process {

/// Reads until the parser is done. `buffer` then has what came behind the message, or what could
/// not be parsed; its maximum bounds the message. Errors: the stream's, the parser's,
/// buffer_overflow, end_of_stream if nothing came, partial_message if the peer closed in the
/// middle.
template <class Stream, bool is_request>
boost::asio::awaitable<boost::system::error_code> read_message(
    Stream& stream, boost::beast::http::basic_parser<is_request>& parser,
    boost::beast::flat_buffer& buffer) {
    namespace http = boost::beast::http;
    constexpr std::size_t piece = 4096;
    parser.eager(true);
    for (;;) {
        const auto room = buffer.max_size() - buffer.size();
        if (room == 0) co_return http::error::buffer_overflow;
        const auto into = buffer.prepare(std::min(room, piece));
        const auto [failed, got] = co_await stream.async_read_some(into, as_result);
        boost::system::error_code error;
        if (failed == boost::asio::error::eof) {
            if (!parser.got_some()) co_return http::error::end_of_stream;
            parser.put_eof(error);
            co_return error;
        }
        if (failed) co_return failed;
        buffer.commit(got);
        buffer.consume(parser.put(buffer.data(), error));
        if (error && error != http::error::need_more) co_return error;
        if (parser.is_done()) co_return boost::system::error_code{};
    }
}

/// Writes the message, or its header alone. Precondition: its length is set (prepare_payload()).
template <class Stream, bool is_request>
boost::asio::awaitable<boost::system::error_code> write_message(
    Stream& stream,
    const boost::beast::http::message<is_request, boost::beast::http::string_body>& message,
    bool header_alone = false) {
    std::ostringstream made;
    made << message.base();
    const auto header = std::move(made).str();
    const std::array<boost::asio::const_buffer, 2> all{
        boost::asio::buffer(header),
        header_alone ? boost::asio::const_buffer{} : boost::asio::buffer(message.body())};
    const auto written = co_await boost::asio::async_write(stream, all, as_result);
    co_return std::get<0>(written);
}

}  // namespace nightjar::node::process
