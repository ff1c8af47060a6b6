// What the engine of a relay is told: from the configuration, the anchors and the first document.
#pragma once

#include "relay/io/engine.hpp"
#include "relay/operation/startup.hpp"

namespace nightjar::relay {

io::EngineOptions engine_options(const operation::Loaded& loaded);

}  // namespace nightjar::relay
