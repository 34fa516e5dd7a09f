/** Where an alarm stands. `closed`: a person has seen it; it stays silent until what it tells of is over. */
export type AlarmState = 'open' | 'exhausted' | 'recovered' | 'closed';

/** `exhausted`: the hub itself will not mend it any more, a person must. `gone`: what it tells of no longer holds. */
export type AlarmEvent = 'seen' | 'exhausted' | 'gone' | 'closed';

/** What is sent when an alarm goes from one state to another. */
export type Notice = 'first' | 'exhausted' | 'recovered';

interface Step {
  readonly to: AlarmState;
  readonly notice?: Notice;
}

/** state × event → state and notice; an absent cell changes nothing and sends nothing. */
const TABLE: { readonly [S in AlarmState | 'none']: { readonly [E in AlarmEvent]?: Step } } = {
  none: { seen: { to: 'open', notice: 'first' }, exhausted: { to: 'exhausted', notice: 'first' } },
  open: {
    exhausted: { to: 'exhausted', notice: 'exhausted' },
    gone: { to: 'recovered', notice: 'recovered' },
    closed: { to: 'closed' },
  },
  exhausted: { gone: { to: 'recovered', notice: 'recovered' }, closed: { to: 'closed' } },
  recovered: { seen: { to: 'open', notice: 'first' }, exhausted: { to: 'exhausted', notice: 'first' } },
  closed: { gone: { to: 'recovered' } },
};

export const alarmStep = (state: AlarmState | 'none', event: AlarmEvent): Step | undefined => TABLE[state][event];
