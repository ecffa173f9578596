// Functions of the addon about filters: see NativeAddon in src/core/native.ts.
#pragma once

#include <napi.h>

namespace conntrack::addon {

// askedFields(filter): which parts of a filter record the kernel is asked for.
// filterLookup(filter): how the records that an entry may match are found.
Napi::Value asked_fields_of(const Napi::CallbackInfo& info);
Napi::Value filter_lookup(const Napi::CallbackInfo& info);

// probeFilters(): a promise of { failure?, tuple?, status?, zone? }, each true, false or
// not known. probeFiltersNow(): the same, waiting for it.
Napi::Value probe_filters(const Napi::CallbackInfo& info);
Napi::Value probe_filters_now(const Napi::CallbackInfo& info);

}  // namespace conntrack::addon
