/* Lights: an animation's first frame of pixels that are named by number, and the rest by name only. */

#include <pixel.h>

#include "board.h"

#define CAPABILITY( name ) \
	void name( TriggerMacro *trigger, uint8_t state, uint8_t stateType, uint8_t *args ); \
	void name( TriggerMacro *trigger, uint8_t state, uint8_t stateType, uint8_t *args )
#define UNUSED (void)trigger; (void)state; (void)stateType; (void)args

volatile uint8_t pixel_buffer[ Pixel_TotalChannels_KLL ];

static uint8_t level = 255;
static uint8_t paused;

void Lights_step( void )
{
	if ( paused )
		return;
	const uint16_t count = Pixel_AnimationSettingsNum_KLL; /* often 0 */
	for ( uint16_t i = 0; i < count; i++ ) {
		const AnimationStackElement *animation = &Pixel_AnimationSettings[ i ];
		if ( !( animation->state & AnimationPlayState_AutoStart ) )
			continue;
		const uint8_t *frame = Pixel_Animations[ animation->index ][0];
		/* Type, four bytes of address, then operator and value of each channel. */
		for ( ; *frame == PixelAddressType_Index; frame += 5 + 2 * Pixel_HardCode_Channels_define ) {
			uint16_t pixel = frame[1] | frame[2] << 8;
			if ( pixel == 0 || pixel > Pixel_TotalPixels_KLL )
				continue;
			for ( uint8_t channel = 0; channel < Pixel_HardCode_Channels_define; channel++ )
				pixel_buffer[ Pixel_Mapping[ pixel - 1 ].indices[ channel ] ] = frame[ 6 + 2 * channel ] * level / 255;
		}
	}
}

CAPABILITY( LED_control_capability )
{
	UNUSED;
	if ( state != ScheduleType_P )
		return;
	switch ( args[0] ) {
	case 0: level = level > args[1] ? level - args[1] : 0; break;
	case 1: level = level < 255 - args[1] ? level + args[1] : 255; break;
	case 3: level = 0; break;
	case 4: level = args[1]; break;
	}
}

CAPABILITY( Pixel_AnimationControl_capability )
{
	UNUSED;
	if ( state == ScheduleType_P )
		paused = args[0] == 0 ? !paused : args[0] == 3;
}

CAPABILITY( Pixel_AnimationIndex_capability ) { UNUSED; paused = 0; }
CAPABILITY( Pixel_LEDTest_capability ) { UNUSED; }
CAPABILITY( Pixel_GammaControl_capability ) { UNUSED; }
CAPABILITY( Pixel_FadeSet_capability ) { UNUSED; }
CAPABILITY( Pixel_FadeControl_capability ) { UNUSED; }
CAPABILITY( Pixel_FadeLayerHighlight_capability ) { UNUSED; }
