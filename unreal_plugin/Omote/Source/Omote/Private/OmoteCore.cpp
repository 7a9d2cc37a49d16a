// No header of Unreal comes before it: macros such as `check` and `verify` would reach into ZeroMQ's and msgpack's.
#include "../../ThirdParty/OmoteCore/all.cpp"
