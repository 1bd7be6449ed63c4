/** What the message of a failure ends with that was the machine's, perhaps. */
export const STOOD_STILL = 'The machine stood still';
