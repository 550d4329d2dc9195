// The coroutine type of the whole server. Rules: CONTRIBUTING.md, "Coroutines".
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace madang {

namespace asio = boost::asio;

template <class T = void>
using Task = asio::awaitable<T>;

/// For an operation whose error is looked at: `const auto [error, size] = co_await op(in_tuple)`.
inline constexpr auto in_tuple = asio::as_tuple(asio::use_awaitable);

}  // namespace madang
