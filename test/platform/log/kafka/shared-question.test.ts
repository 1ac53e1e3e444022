import { describe, expect, test } from '@jest/globals';
import { SharedQuestion } from '../../../../platform/log/kafka/shared-question.ts';

function slow() {
  let asked = 0;
  const answers: ((fails?: boolean) => void)[] = [];
  const question = new SharedQuestion(() => {
    const number = (asked += 1);
    return new Promise<number>((resolve, reject) => {
      answers.push((fails = false) => (fails ? reject(new Error(`no ${number}`)) : resolve(number)));
    });
  });
  return { question, answers, asked: () => asked };
}

describe('a shared question', () => {
  test('is asked once for all who ask while another one is under way, and after they did', async () => {
    const { question, answers, asked } = slow();
    const first = question.ask();
    const others = [question.ask(), question.ask(), question.ask()];
    expect(asked()).toBe(1);
    answers[0]?.();
    expect(await first).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked()).toBe(2);
    const later = question.ask();
    answers[1]?.();
    expect(await Promise.all(others)).toEqual([2, 2, 2]);
    await new Promise((resolve) => setImmediate(resolve));
    answers[2]?.();
    expect(await later).toBe(3);
  });

  test('fails for those who asked it, and for nobody after them', async () => {
    const { question, answers } = slow();
    const first = question.ask();
    const second = question.ask();
    answers[0]?.(true);
    await expect(first).rejects.toThrow('no 1');
    await new Promise((resolve) => setImmediate(resolve));
    answers[1]?.();
    expect(await second).toBe(2);
  });
});
