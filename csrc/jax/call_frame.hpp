// What XLA hands to a custom call, by the stable binary interface of third_party/xla/ffi/api/c_api.h: attributes by
// their name, and buffers by the names that attributes list.
#pragma once

#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "xla/ffi/api/c_api.h"

namespace rnnfast::jax {

class CallFrame {
   public:
    explicit CallFrame(const XLA_FFI_CallFrame& frame) : frame_(frame) {}

    // An operand or a result by its name in the attribute of that name, or null where it is not there.
    const XLA_FFI_Buffer* operand(std::string_view name) const { return find("operands", name, frame_.args.args); }
    const XLA_FFI_Buffer* result(std::string_view name) const { return find("results", name, frame_.rets.rets); }

    // The elements of one, or null.
    template <class T>
    static T* data(const XLA_FFI_Buffer* buffer) {
        return buffer ? static_cast<T*>(buffer->data) : nullptr;
    }

    // An attribute that is a scalar of T, in the width that it was written with; std::invalid_argument if it is not
    // there.
    template <class T>
    T number(std::string_view name) const {
        const auto& scalar = *static_cast<XLA_FFI_Scalar*>(attribute(name, XLA_FFI_AttrType_SCALAR));
        T value;
        std::memcpy(&value, scalar.value, sizeof value);
        return value;
    }
    std::string text(std::string_view name) const {
        const auto& span = *static_cast<XLA_FFI_ByteSpan*>(attribute(name, XLA_FFI_AttrType_STRING));
        return {span.ptr, span.len};
    }

   private:
    // Of some buffers, the one at the place of a name in an attribute that lists names with spaces between them.
    const XLA_FFI_Buffer* find(std::string_view attribute, std::string_view name, void** buffers) const {
        std::istringstream listed(text(attribute));
        std::string each;
        for (int64_t i = 0; listed >> each; ++i)
            if (each == name) return static_cast<const XLA_FFI_Buffer*>(buffers[i]);
        return nullptr;
    }

    void* attribute(std::string_view name, XLA_FFI_AttrType type) const {
        const XLA_FFI_Attrs& all = frame_.attrs;
        for (int64_t i = 0; i < all.size; ++i)
            if (std::string_view(all.names[i]->ptr, all.names[i]->len) == name && all.types[i] == type)
                return all.attrs[i];
        throw std::invalid_argument("custom call: no attribute " + std::string(name) + " of its type");
    }

    const XLA_FFI_CallFrame& frame_;
};

// Answers XLA when it asks for the version of the interface; runs f(CallFrame) when it calls; gives an exception to it
// as an error.
template <class F>
XLA_FFI_Error* answer(XLA_FFI_CallFrame* frame, const F& f) {
    XLA_FFI_Extension_Base* extension = frame->extension_start;
    if (extension && extension->type == XLA_FFI_Extension_Metadata) {
        XLA_FFI_Metadata& metadata = *reinterpret_cast<XLA_FFI_Metadata_Extension*>(extension)->metadata;
        metadata.api_version.major_version = XLA_FFI_API_MAJOR;
        metadata.api_version.minor_version = XLA_FFI_API_MINOR;
        metadata.traits = 0;
        return nullptr;
    }
    try {
        f(CallFrame(*frame));
        return nullptr;
    } catch (const std::exception& error) {
        XLA_FFI_Error_Create_Args args{XLA_FFI_Error_Create_Args_STRUCT_SIZE, nullptr, error.what(),
                                       XLA_FFI_Error_Code_INVALID_ARGUMENT};
        return frame->api->XLA_FFI_Error_Create(&args);
    }
}

}  // namespace rnnfast::jax
