#include "sphinx/packet/error.hpp"

namespace nightjar::packet {

const char* to_string(Error error) {
    switch (error) {
        case Error::bad_length:
            return "bad_length";
        case Error::low_order:
            return "low_order";
        case Error::mac_mismatch:
            return "mac_mismatch";
        case Error::bad_flag:
            return "bad_flag";
        case Error::bad_version:
            return "bad_version";
        case Error::bad_payload:
            return "bad_payload";
        case Error::bad_route:
            return "bad_route";
        case Error::zero_identifier:
            return "zero_identifier";
        case Error::bad_key:
            return "bad_key";
        case Error::bad_alpha:
            return "bad_alpha";
        case Error::surb_spent:
            return "surb_spent";
    }
    return "?";
}

}  // namespace nightjar::packet
