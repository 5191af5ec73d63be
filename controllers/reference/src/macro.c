/* The key map at work: from a scan code through the layers to the capabilities. */

#include <kll.h>

/* The compiler writes arrays here that it never reads again; which of them are used depends on the layout. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-const-variable"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <generatedKeymap.h>
#pragma GCC diagnostic pop

#include "board.h"

#define LAYER_SHIFT  0x01
#define LAYER_LATCH  0x02
#define LAYER_LOCK   0x04

/* The layer each held key was found on, so that its release is that of its press. */
static uint8_t pressedOn[ 256 ];

static void runResult( uint16_t index, TriggerMacro *trigger, uint8_t state )
{
	const uint8_t *at = ResultMacroList[ index ].guide;
	while ( *at ) {
		for ( uint8_t count = *at++; count > 0; count-- ) {
			const Capability *capability = &CapabilitiesList[ *at++ ];
			capability->function( trigger, state, TriggerType_Switch1, (uint8_t*)at );
			at += capability->arguments;
		}
	}
}

static const nat_ptr_t *listOn( uint8_t layer, uint8_t scanCode )
{
	const Layer *map = &LayerIndex[ layer ];
	if ( scanCode < map->first || scanCode > map->last )
		return 0;
	return map->map[ scanCode - map->first ];
}

/* The highest active layer that says something about the key; the default layer always counts. */
static uint8_t layerOf( uint8_t scanCode )
{
	for ( uint8_t layer = LayerNum; layer-- > 1; ) {
		const nat_ptr_t *list = LayerState[ layer ] ? listOn( layer, scanCode ) : 0;
		if ( list && list[0] > 0 )
			return layer;
	}
	return 0;
}

void Macro_key( uint8_t scanCode, uint8_t state )
{
	if ( state == ScheduleType_P )
		pressedOn[ scanCode ] = layerOf( scanCode );
	const nat_ptr_t *list = listOn( pressedOn[ scanCode ], scanCode );
	if ( !list )
		return;
	for ( nat_ptr_t i = 1; i <= list[0]; i++ ) {
		TriggerMacroRecordList[ list[ i ] ].state = state;
		TriggerMacro *trigger = (TriggerMacro*)&TriggerMacroList[ list[ i ] ];
		/* A trigger of one key; combinations of keys are more than a reference needs. */
		if ( trigger->guide[0] == 1 )
			runResult( trigger->result, trigger, state );
	}
}

uint16_t Macro_lastScanCode( void )
{
	return MaxScanCode;
}

static uint16_t layerArgument( const uint8_t *args )
{
	return args[0] | args[1] << 8;
}

static void layerChange( uint16_t layer, uint8_t bits, int on )
{
	if ( layer >= LayerNum )
		return;
	LayerState[ layer ] = on ? LayerState[ layer ] | bits : LayerState[ layer ] & ~bits;
}

#define CAPABILITY( name ) void name( TriggerMacro *trigger, uint8_t state, uint8_t stateType, uint8_t *args )
#define UNUSED (void)trigger; (void)state; (void)stateType; (void)args

CAPABILITY( Layer_layerShift_capability )
{
	UNUSED;
	layerChange( layerArgument( args ), LAYER_SHIFT, state != ScheduleType_R );
}

CAPABILITY( Layer_layerLatch_capability )
{
	UNUSED;
	if ( state == ScheduleType_R )
		layerChange( layerArgument( args ), LAYER_LATCH, 1 );
}

CAPABILITY( Layer_layerLock_capability )
{
	UNUSED;
	uint16_t layer = layerArgument( args );
	if ( state == ScheduleType_P && layer < LayerNum )
		layerChange( layer, LAYER_LOCK, !( LayerState[ layer ] & LAYER_LOCK ) );
}

CAPABILITY( Layer_layerState_capability )
{
	UNUSED;
	layerChange( layerArgument( args ), args[2], state != ScheduleType_R );
}

CAPABILITY( Layer_layerRotate_capability )
{
	UNUSED;
	static uint8_t current;
	if ( state != ScheduleType_P )
		return;
	layerChange( current, LAYER_LOCK, 0 );
	current = ( current + ( args[0] ? LayerNum - 1 : 1 ) ) % LayerNum;
	layerChange( current, LAYER_LOCK, 1 );
}

CAPABILITY( Layer_clearLayers_capability )
{
	UNUSED;
	for ( uint8_t layer = 0; layer < LayerNum; layer++ )
		LayerState[ layer ] = 0;
}

CAPABILITY( Macro_none_capability )
{
	UNUSED;
}

CAPABILITY( Macro_rotate_capability )
{
	UNUSED;
	static uint8_t rotations[ 256 ];
	if ( state == ScheduleType_P )
		rotations[ args[0] ] += args[1];
}
