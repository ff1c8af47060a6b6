#include "sphinx/node/files/key_file.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "sphinx/node/files/unique_fd.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::node::files {

namespace {

constexpr std::size_t hex_size = 64;

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& why) {
    throw process::KeyError{file.string() + ": " + why};
}

std::string error_text() {
    return std::strerror(errno);
}

std::string first_line(KeyKind kind) {
    return "nightjar " + std::string{to_string(kind)} + " v1\n";
}

UniqueFd open_key(const std::filesystem::path& file) {
    // O_NONBLOCK: a FIFO in place of the key must not block start-up.
    UniqueFd fd{::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)};
    if (fd) return fd;
    if (errno == ENOENT)
        refuse(file, "there is no such key file; make the keys with `init` or restore a backup");
    if (errno == ELOOP) refuse(file, "is a symbolic link; put the key file itself there");
    refuse(file, "cannot be opened: " + error_text() + "; run as the user that owns it");
}

void check_file(const std::filesystem::path& file, int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) refuse(file, "cannot be examined: " + error_text());
    if (!S_ISREG(status.st_mode)) refuse(file, "is not a regular file; put the key file there");
    if (status.st_uid != ::geteuid())
        refuse(file, "belongs to user id " + std::to_string(status.st_uid) + ", not to " +
                         std::to_string(::geteuid()) + "; chown it or run as its owner");
    if ((status.st_mode & 077) != 0)
        refuse(file, "can be used by others; chmod 600 " + file.string() +
                         ", and make a new key if others may have read it");
}

/// Reads at most out.size() bytes. The caller's buffer must be one that is wiped.
std::size_t read_up_to(const std::filesystem::path& file, int fd, base::ByteSpan out) {
    std::size_t size = 0;
    while (size < out.size()) {
        const auto n = ::read(fd, out.data() + size, out.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) refuse(file, "cannot be read: " + error_text());
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    return size;
}

void write_all(const std::filesystem::path& file, int fd, base::ByteView bytes) {
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) refuse(file, "cannot be written: " + error_text());
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
}

void sync_folder(const std::filesystem::path& file) {
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path{"."};
    const UniqueFd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd || ::fsync(fd.get()) != 0)
        refuse(folder, "cannot be written through to the disk: " + error_text());
}

/// The kind of key that a first line names, if it is one of ours.
std::string what_it_holds(std::string_view line) {
    for (const auto kind : {KeyKind::identity, KeyKind::link, KeyKind::mix, KeyKind::authority,
                            KeyKind::mailbox, KeyKind::service}) {
        if (line.starts_with(first_line(kind))) return "a " + std::string{to_string(kind)};
    }
    return "something else";
}

}  // namespace

std::string_view to_string(KeyKind kind) {
    switch (kind) {
        case KeyKind::identity:
            return "identity-key";
        case KeyKind::link:
            return "link-key";
        case KeyKind::mix:
            return "mix-key";
        case KeyKind::authority:
            return "authority-key";
        case KeyKind::service:
            return "service-key";
        case KeyKind::mailbox:
            return "mailbox-key";
    }
    return "key";
}

void write_key(const std::filesystem::path& file, KeyKind kind, const base::Secret<32>& secret) {
    const UniqueFd fd{
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd && errno == EEXIST)
        refuse(file, "exists already; a key is never overwritten, so move it away first");
    if (!fd) refuse(file, "cannot be made: " + error_text());

    base::Secret<hex_size + 1> hex;  // includes the terminator, which is replaced by a line feed
    sodium_bin2hex(reinterpret_cast<char*>(hex.data()), hex.size(), secret.data(), secret.size());
    hex.data()[hex_size] = '\n';
    try {
        write_all(file, fd.get(), base::as_bytes(first_line(kind)));
        write_all(file, fd.get(), hex.view());
        if (::fsync(fd.get()) != 0)
            refuse(file, "cannot be written through to the disk: " + error_text());
        sync_folder(file);
    } catch (const process::KeyError&) {
        ::unlink(file.c_str());  // half a key is worse than none
        throw;
    }
}

base::Secret<32> read_key(const std::filesystem::path& file, KeyKind kind) {
    const auto fd = open_key(file);
    check_file(file, fd.get());
    const auto expected = first_line(kind);
    base::SecretBytes text{expected.size() + hex_size + 2};  // one byte more than a key file has
    const auto size = read_up_to(file, fd.get(), text.span());
    const auto content = base::as_text(text.view().first(size));

    if (!content.starts_with(expected)) {
        if (expected.starts_with(content))
            refuse(file, "is cut short; restore it from a backup or make a new key");
        refuse(file, "holds " + what_it_holds(content) + " where the " +
                         std::string{to_string(kind)} + " belongs; were two files swapped?");
    }
    if (size < expected.size() + hex_size + 1)
        refuse(file, "is cut short; restore it from a backup or make a new key");
    base::Secret<32> secret;
    std::size_t decoded = 0;
    const char* digits = content.data() + expected.size();
    const char* end = nullptr;
    const bool hex = sodium_hex2bin(secret.data(), secret.size(), digits, hex_size, nullptr,
                                    &decoded, &end) == 0 &&
                     decoded == secret.size() && end == digits + hex_size;
    if (!hex || digits[hex_size] != '\n' || size != expected.size() + hex_size + 1)
        refuse(file, "does not end in one line of 64 hexadecimal digits; restore it from a backup");
    if (sodium_is_zero(secret.data(), secret.size()) == 1)
        refuse(file, "holds only zeros; make a new key");
    return secret;
}

base::Secret<32> new_key() {
    base::Secret<32> secret;
    randombytes_buf(secret.data(), secret.size());
    return secret;
}

base::ByteArray<32> ed25519_public(const base::Secret<32>& seed) {
    base::ByteArray<32> key;
    base::Secret<crypto_sign_SECRETKEYBYTES> expanded;
    crypto_sign_seed_keypair(key.data(), expanded.data(), seed.data());
    return key;
}

}  // namespace nightjar::node::files
