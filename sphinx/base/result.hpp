// Result<T, E>: a value, or the reason why there is none. For data from peers; exceptions are for
// start-up, assertions for invariants. It is the subset of C++23's std::expected that we use.
#pragma once

#include <cassert>
#include <utility>
#include <variant>

namespace nightjar::base {

template <class E>
struct Fail {
    E error;
};
template <class E>
Fail(E) -> Fail<E>;

template <class T, class E>
class [[nodiscard]] Result {
 public:
    Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}  // NOLINT: implicit
    Result(Fail<E> failure)                                                // NOLINT: implicit
        : state_{std::in_place_index<1>, std::move(failure.error)} {}

    explicit operator bool() const { return state_.index() == 0; }
    bool has_value() const { return state_.index() == 0; }

    /// Precondition of the four below: has_value().
    T& value() & { return assert(has_value()), *std::get_if<0>(&state_); }
    const T& value() const& { return assert(has_value()), *std::get_if<0>(&state_); }
    T&& value() && { return assert(has_value()), std::move(*std::get_if<0>(&state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    /// Precondition: not has_value().
    const E& error() const { return assert(!has_value()), *std::get_if<1>(&state_); }

 private:
    std::variant<T, E> state_;
};

/// For functions that may fail but return no value.
struct Done {};
template <class E>
using Status = Result<Done, E>;

}  // namespace nightjar::base
