{
  "targets": [
    {
      "target_name": "conntrack",
      "sources": [
        "native/wire/decode.cc",
        "native/wire/decode_event.cc",
        "native/wire/decode_expectation.cc",
        "native/wire/decode_timeout.cc",
        "native/wire/encode.cc",
        "native/wire/encode_expectation.cc",
        "native/wire/encode_timeout.cc",
        "native/wire/encode_tuple.cc",
        "native/wire/filter.cc",
        "native/wire/filter_index.cc",
        "native/wire/filter_program.cc",
        "native/wire/message.cc",
        "native/wire/namespace_id.cc",
        "native/wire/stats.cc",
        "native/os/answers.cc",
        "native/os/dump_pump.cc",
        "native/os/dump_reader.cc",
        "native/os/entry_changer.cc",
        "native/os/event_queue.cc",
        "native/os/event_reader.cc",
        "native/os/event_socket.cc",
        "native/os/event_source.cc",
        "native/os/filter_probe.cc",
        "native/os/namespace_ids.cc",
        "native/os/net_namespace.cc",
        "native/os/netlink_socket.cc",
        "native/os/receive_ahead.cc",
        "native/os/request_job.cc",
        "native/os/small_file.cc",
        "native/os/table_walk.cc",
        "native/os/thread.cc",
        "native/os/transaction.cc",
        "native/addon/addon.cc",
        "native/addon/changer_wrap.cc",
        "native/addon/doorbell.cc",
        "native/addon/dump_wrap.cc",
        "native/addon/event_wrap.cc",
        "native/addon/file_functions.cc",
        "native/addon/filter_functions.cc",
        "native/addon/freestanding.cc",
        "native/addon/layout.cc",
        "native/addon/matcher_wrap.cc",
        "native/addon/module.cc",
        "native/addon/namespace_functions.cc",
        "native/addon/namespace_wrap.cc",
        "native/addon/promise.cc",
        "native/addon/request_wrap.cc",
        "native/addon/to_js.cc"
      ],
      "include_dirs": [
        "native",
        "<!(node -p \"require('node-api-headers').include_dir\")",
        "<!(node -p \"require('node-addon-api').include_dir\")"
      ],
      "defines": [
        "NAPI_VERSION=8",
        "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
        "_GLIBCXX_EXTERN_TEMPLATE=0"
      ],
      "cflags_cc": [
        "-std=c++17",
        "-fno-exceptions",
        "-fno-rtti",
        "-fno-threadsafe-statics",
        "-fvisibility=hidden",
        "-fvisibility-inlines-hidden",
        "-ffunction-sections",
        "-fdata-sections",
        "-Wall",
        "-Wextra"
      ],
      "ldflags": [
        "-nodefaultlibs",
        "-Wl,--gc-sections,--as-needed,-z,relro,-z,now",
        "-Wl,--version-script=<(module_root_dir)/native/exports.map",
        "-s"
      ],
      "libraries": ["-lc", "-lgcc"]
    }
  ]
}
