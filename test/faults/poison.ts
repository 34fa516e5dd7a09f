/** A record that holds this makes the far platform refuse its whole batch. */
export const POISON = '平台不收';
