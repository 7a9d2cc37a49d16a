#pragma once

#include "command_line.h"

/// Takes what arrives, as a game would, and prints what it saw.
void Listen(const CommandLine& line);
