/** Who signed what, as of a day: the bureau of 新闻出版广电 was split on 2018-12-01. */
export interface Authority {
  readonly name: string;
  /** 发文字号 of licence decisions and of penalties. */
  readonly licencePrefix: string;
  readonly penaltyPrefix: string;
}

const SPLIT = '2018-12-01';

const BEFORE: Authority = {
  name: '广西壮族自治区新闻出版广电局',
  licencePrefix: '桂新广许',
  penaltyPrefix: '桂新广罚字',
};
const BROADCAST: Authority = { name: '广西壮族自治区广播电视局', licencePrefix: '桂广电许', penaltyPrefix: '桂广电罚' };
const PRESS: Authority = { name: '广西壮族自治区新闻出版局', licencePrefix: '桂新出许', penaltyPrefix: '桂新出罚字' };

export function authorityOn(date: string, field: 'broadcast' | 'press'): Authority {
  if (date < SPLIT) return BEFORE;
  return field === 'broadcast' ? BROADCAST : PRESS;
}
