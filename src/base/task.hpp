// The coroutine type of the whole server. Rules: CONTRIBUTING.md, "Coroutines".
#pragma once

#include <boost/asio/awaitable.hpp>

namespace madang {

namespace asio = boost::asio;

template <class T = void>
using Task = asio::awaitable<T>;

}  // namespace madang
