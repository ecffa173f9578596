{
  "target_defaults": {
    "default_configuration": "Release",
    "configurations": {
      "Debug": { "cflags": ["-g", "-O0"] },
      "Release": { "cflags": ["-O2"], "defines": ["NDEBUG"] }
    },
    "cflags": ["-fPIC"],
    "target_conditions": [
      ["_type=='loadable_module'", { "product_prefix": "" }]
    ]
  }
}
