/**
 * Set for another credential helper while it runs. One that asks us in turn, be it a script around us
 * or a copy of us, tells us so by it: we then ask neither it nor the agent, who would ask it too.
 */
export const ASKING = 'PURSER_ASKING'
