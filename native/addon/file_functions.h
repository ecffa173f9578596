// Functions of the addon about files of a network namespace: see NativeAddon in
// src/core/native.ts.
#pragma once

#include <napi.h>

namespace conntrack::addon {

// readFiles(namespace, paths): { text?, failure? } for each.
Napi::Value read_files(const Napi::CallbackInfo& info);

// writeFile(namespace, path, text): a promise of { failure? }.
Napi::Value write_file(const Napi::CallbackInfo& info);

// grantedReceiveBuffer(namespace, bytes): { bytes, failure? }.
Napi::Value granted_receive_buffer(const Napi::CallbackInfo& info);

}  // namespace conntrack::addon
