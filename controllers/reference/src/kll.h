/* The types and constructors that the KLL compiler's generatedKeymap.h is written in.
 *
 * The compiler fixes the names; what they expand to is this firmware's own. A trigger guide is a list
 * of combos (how many elements, then type, state and code of each), a result guide a list of combos
 * of capabilities (how many, then capability and its arguments), both ended by a combo of none. */
#pragma once

#include <stdint.h>

#include <kll_defs.h>
#include <usb_hid.h>

#define CapabilitiesNum  CapabilitiesNum_KLL
#define LayerNum         LayerNum_KLL
#define ResultMacroNum   ResultMacroNum_KLL
#define TriggerMacroNum  TriggerMacroNum_KLL

typedef uint16_t nat_ptr_t;

typedef struct TriggerMacro {
	const uint8_t *guide;
	uint16_t result;
} TriggerMacro;

typedef struct TriggerMacroRecord {
	uint8_t state;
} TriggerMacroRecord;

typedef struct ResultMacro {
	const uint8_t *guide;
} ResultMacro;

typedef enum CapabilityFeature {
	CapabilityFeature_None,
	CapabilityFeature_Safe,
} CapabilityFeature;

typedef void (*CapabilityFunction)( TriggerMacro *trigger, uint8_t state, uint8_t stateType, uint8_t *args );

typedef struct Capability {
	CapabilityFunction function;
	uint8_t arguments; /* bytes */
	CapabilityFeature feature;
} Capability;

typedef struct Layer {
	const nat_ptr_t *const *map;
	const char *name;
	uint16_t first; /* scan code of map[0] */
	uint16_t last;
} Layer;

typedef uint8_t LayerStateType;

typedef struct Position {
	float x, y, z, rx, ry, rz;
} Position;

typedef enum TriggerType {
	TriggerType_Switch1    = 0x00,
	TriggerType_Switch2    = 0x01,
	TriggerType_Switch3    = 0x02,
	TriggerType_Switch4    = 0x03,
	TriggerType_LED1       = 0x04,
	TriggerType_Analog1    = 0x05,
	TriggerType_Analog2    = 0x06,
	TriggerType_Analog3    = 0x07,
	TriggerType_Analog4    = 0x08,
	TriggerType_Layer1     = 0x09,
	TriggerType_Layer2     = 0x0A,
	TriggerType_Layer3     = 0x0B,
	TriggerType_Layer4     = 0x0C,
	TriggerType_Animation1 = 0x0D,
	TriggerType_Animation2 = 0x0E,
	TriggerType_Animation3 = 0x0F,
	TriggerType_Animation4 = 0x10,
	TriggerType_Sleep1     = 0x11,
	TriggerType_Resume1    = 0x12,
	TriggerType_Inactive1  = 0x13,
	TriggerType_Active1    = 0x14,
	TriggerType_Rotation1  = 0x15,
	TriggerType_Dial1      = 0x16,
	TriggerType_Debug      = 0xFF,
} TriggerType;

/* What happens to a key (or a light, a layer, an animation); Gen is the usual press, hold, release. */
enum {
	ScheduleType_Gen    = 0x00,
	ScheduleType_P      = 0x01,
	ScheduleType_H      = 0x02,
	ScheduleType_R      = 0x03,
	ScheduleType_O      = 0x04,
	ScheduleType_A      = 0x01,
	ScheduleType_On     = 0x02,
	ScheduleType_D      = 0x03,
	ScheduleType_Off    = 0x04,
	ScheduleType_Done   = 0x06,
	ScheduleType_Repeat = 0x07,
	ScheduleType_Shift  = 0x10,
	ScheduleType_Latch  = 0x20,
	ScheduleType_Lock   = 0x40,
};

#define Guide_RM( index )             static const uint8_t rm##index##_guide[]
#define Define_RM( index )            { rm##index##_guide }
#define Guide_TM( index )             static const uint8_t tm##index##_guide[]
#define Define_TM( index, result )    { tm##index##_guide, result }
#define Define_TL( layer, scanCode )  static const nat_ptr_t layer##_tl_##scanCode[]
#define Layer_IN( map, name, first )  { map, name, first, first + sizeof( map ) / sizeof( map[0] ) - 1 }
