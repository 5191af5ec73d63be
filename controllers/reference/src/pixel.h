/* The types and constructors that the KLL compiler's generatedPixelmap.c is written in. */
#pragma once

#include <kll.h>

typedef struct PixelBuf {
	uint16_t length; /* channels */
	uint8_t width;   /* bits of a channel */
	uint16_t offset; /* first channel */
	volatile void *data;
} PixelBuf;
#define PixelBufElem( length, width, offset, data )  { length, width, offset, (volatile void*)data }

typedef struct PixelElement {
	uint8_t width;
	uint8_t channels;
	uint16_t indices[ Pixel_HardCode_Channels_define ];
} PixelElement;
#define Pixel_Blank()  { 0, 0, {} }

typedef enum PixelAddressType {
	PixelAddressType_End,
	PixelAddressType_Index,
	PixelAddressType_Rect,
	PixelAddressType_ColumnFill,
	PixelAddressType_RowFill,
	PixelAddressType_ScanCode,
	PixelAddressType_RelativeIndex,
	PixelAddressType_RelativeRect,
	PixelAddressType_RelativeColumnFill,
	PixelAddressType_RelativeRowFill,
} PixelAddressType;

typedef enum PixelChange {
	PixelChange_Set,
	PixelChange_Add,
	PixelChange_Subtract,
	PixelChange_NoRoll_Add,
	PixelChange_NoRoll_Subtract,
	PixelChange_LeftShift,
	PixelChange_RightShift,
} PixelChange;

typedef enum PixelFrameOption {
	PixelFrameOption_None         = 0x00,
	PixelFrameOption_FrameStretch = 0x01,
} PixelFrameOption;

typedef enum AnimationPlayState {
	AnimationPlayState_Start     = 0x00,
	AnimationPlayState_Pause     = 0x01,
	AnimationPlayState_Stop      = 0x02,
	AnimationPlayState_Single    = 0x03,
	AnimationPlayState_AutoStart = 0x80,
} AnimationPlayState;

typedef struct AnimationStackElement {
	TriggerMacro *trigger;
	uint16_t index;
	uint16_t pos;
	uint8_t subpos;
	uint8_t loops;
	uint8_t framedelay;
	uint8_t frameoption;
	uint8_t ffunc;
	uint8_t pfunc;
	uint8_t replace;
	uint8_t state;
} AnimationStackElement;

extern PixelBuf Pixel_Buffers[];
extern const PixelElement Pixel_Mapping[];
extern const uint16_t Pixel_ScanCodeToPixel[];
extern const AnimationStackElement Pixel_AnimationSettings[];
extern const uint8_t **Pixel_Animations[];
