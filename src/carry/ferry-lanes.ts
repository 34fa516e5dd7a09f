/** Names of the two directions of a channel at its far end; at the near end batches go in the lane of their platform. */
export const arrivingLane = (channel: string): string => `ferry:${channel}/out`;
export const returningLane = (channel: string): string => `ferry:${channel}/back`;
/** Return receipts as they arrive at the near end. */
export const receiptsLane = (platform: string): string => `${platform}/back`;
