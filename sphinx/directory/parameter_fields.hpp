// The parameters as lines of a document, and their hard bounds. A document with a value outside its
// bounds does not parse. Values inside the bounds cannot make a relay or a client divide by zero,
// starve, or allocate without limit.
#pragma once

#include <span>
#include <string_view>

#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::directory {

struct ParameterField {
    std::string_view name;  // name and unit, such as "parameter.mean-delay-ms"
    std::uint64_t min;
    std::uint64_t max;
    std::uint64_t (*get)(const Parameters&);
    void (*set)(Parameters&, std::uint64_t);
    /// False if a document with these parameters has no such line: a law of mixing has only its own
    /// parameters, `poisson` has no line at all, and exits may have no levels.
    bool (*present)(const Parameters&);
    /// The network chooses whether there is such a line. The lines before it do not decide.
    bool optional = false;
};

/// All parameters in the order of the document: sorted by name.
std::span<const ParameterField> parameter_fields();

void put_parameters(std::string& text, const Parameters& parameters);
Parameters take_parameters(FieldReader& reader);
/// True if every parameter is within its bounds.
bool within_bounds(const Parameters& parameters);

}  // namespace nightjar::directory
