#include "jpeg_file.h"

#if defined(OMOTE_PROBE_JPEG)

#include <csetjmp>
#include <cstdio>  // jpeglib.h wants it before itself

#include <jpeglib.h>

namespace {

struct Escape {
    jpeg_error_mgr manager;
    std::jmp_buf place;
};

void GiveUp(j_common_ptr info) { std::longjmp(reinterpret_cast<Escape*>(info->err)->place, 1); }

void ReadRows(jpeg_decompress_struct& info, omote::Bytes jpeg, int width, omote::Order order, std::uint8_t* out) {
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, jpeg.data, static_cast<unsigned long>(jpeg.size));
    jpeg_read_header(&info, TRUE);
    info.out_color_space = order == omote::Order::Rgba ? JCS_EXT_RGBX : JCS_EXT_BGRX;
    jpeg_start_decompress(&info);
    while (info.output_scanline < info.output_height) {
        JSAMPROW row = out + static_cast<std::size_t>(info.output_scanline) * 4 * static_cast<std::size_t>(width);
        jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
}

// The receiver has checked that the JPEG is as large as the buffer.
bool Decode(omote::Bytes jpeg, int width, int, omote::Order order, std::uint8_t* out) {
    jpeg_decompress_struct info{};
    Escape escape{};
    info.err = jpeg_std_error(&escape.manager);
    escape.manager.error_exit = GiveUp;
    const bool isRead = setjmp(escape.place) == 0;
    if (isRead) ReadRows(info, jpeg, width, order, out);
    jpeg_destroy_decompress(&info);
    return isRead;
}

}  // namespace

omote::JpegDecoder LibjpegDecoder() { return Decode; }

#else

omote::JpegDecoder LibjpegDecoder() { return {}; }

#endif
