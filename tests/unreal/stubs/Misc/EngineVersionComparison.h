#pragma once

// As of 5.3, the oldest that the plugin is for.
#define UE_VERSION_OLDER_THAN(major, minor, patch) (5 < (major) || (5 == (major) && 3 < (minor)))
