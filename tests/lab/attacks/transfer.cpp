#include "tests/lab/attacks/transfer.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "sphinx/base/codec.hpp"

namespace nightjar::lab::attacks {

void Transfer::open(client::core::Core& core) {
    before_ = moved();
    written_ = read_ = 0;
    stream_ = core.open("", {work_ == Work::download ? files_host : sink_host, target_port});
    for (; stream_ && isolated_ > 0; --isolated_) {
        // With a session less, the figures would be about other sessions than stated.
        if (!core.open("isolated " + std::to_string(isolated_), {files_host, target_port}))
            throw std::logic_error("there is no session for so many isolation keys");
    }
}

void Transfer::write(client::core::Core& core) {
    // Both begin with 8 bytes: the size to download, or the uploading client. The rest of an upload
    // is filler.
    base::ByteArray<16'384> bytes{};
    if (written_ == 0)
        base::Writer{bytes}.u64(work_ == Work::download ? std::uint64_t{bytes_} : name_);
    const auto all = work_ == Work::download ? 8 : std::max<std::size_t>(8, bytes_);
    while (written_ < all) {
        const auto chunk = std::min(all - written_, bytes.size());
        const auto taken = core.write(*stream_, base::ByteView{bytes}.first(chunk));
        written_ += taken;
        if (written_ == all) core.finish(*stream_);
        if (taken < chunk) return;
    }
}

void Transfer::step(client::core::Core& core, base::Mono now) {
    if (finished_ || now < begins_) return;
    if (!stream_) open(core);
    if (!stream_) return;
    write(core);
    base::ByteArray<16'384> buffer;
    while (const auto taken = core.read(*stream_, buffer))
        read_ += taken;
    for (const auto& event : core.take_events()) {
        if (event.stream != *stream_) continue;
        // A dead session resets its streams, and the application starts again.
        if (event.event.kind == stream::Event::Kind::reset) stream_.reset();
        if (event.event.kind == stream::Event::Kind::finished) finished_ = true;
        if (!stream_ || finished_) return;
    }
}

}  // namespace nightjar::lab::attacks
