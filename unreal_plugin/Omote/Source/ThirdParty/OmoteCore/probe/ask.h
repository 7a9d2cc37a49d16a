#pragma once

#include <string>
#include <vector>

/// Asks control for one thing, `ENDPOINT METHOD key=value... [--keys FILE]`, and prints {"result": ...} or
/// {"error": {"code": ..., "message": ...}}. A value is a number, nil, a list (1,2,3 or a,b) or else a text;
/// `weights.jawOpen=0.5` is an entry of the map `weights`. METHOD `measure` measures the clock.
void Ask(const std::vector<std::string>& words);
