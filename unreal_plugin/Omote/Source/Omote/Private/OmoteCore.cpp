// No header of Unreal comes before it: macros such as `check` and `verify` would reach into the system's headers.
#include "../../ThirdParty/OmoteCore/all.cpp"
