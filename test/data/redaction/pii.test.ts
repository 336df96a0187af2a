import { PII_TYPES, type PiiType } from '../../../src/core/dataset/pii-type.ts';
import { Redactor } from '../../../src/data/redaction/redactor.ts';

function redacted(type: PiiType, text: string, phoneRegion = 'US'): string {
  return new Redactor({ types: [type], phoneRegion }).redact([text]).texts[0] ?? '';
}

describe('e-mail', () => {
  test.each([
    ['mail ana@example.com.', 'mail [EMAIL_1].'],
    ['ANA.b+tag@sub.example.co.uk', '[EMAIL_1]'],
    ['"ana@example.com" **ana@example.com** <ana@example.com>', '"[EMAIL_1]" **[EMAIL_1]** <[EMAIL_1]>'],
    ['mailto:ana@example.com?subject=x', 'mailto:[EMAIL_1]?subject=x'],
    ['?to=ana@example.com&x', '?to=[EMAIL_1]&x'],
    ['jürgen@bücher.example', '[EMAIL_1]'],
    ['ana@xn--bcher-kva.example', '[EMAIL_1]'],
    ['用户@例子.公司', '[EMAIL_1]'],
    ['请联系ana@example.com谢谢', '请联系[EMAIL_1]谢谢'],
    ['ana@example.com-', '[EMAIL_1]-'],
    ['wait...ana@example.com', 'wait...[EMAIL_1]'],
    ['a@example.com,b@example.com', '[EMAIL_1],[EMAIL_2]'],
    [`${'a'.repeat(64)}@example.com`, '[EMAIL_1]'],
  ])('the e-mail address %j is found', (text, expected) => {
    expect(redacted('email', text)).toBe(expected);
  });

  test.each([
    'ping @ana or user@localhost',
    'npm install lodash@4.17.21',
    'a@b',
    'x@y.z',
    '@example.com',
    'ana@-example.com',
    '3 @ 4.50',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(64)}.com`,
  ])('%j is no e-mail address', (text) => {
    expect(redacted('email', text)).toBe(text);
  });
});

describe('phone', () => {
  test.each([
    ['US', '(415) 555-0132'],
    ['US', '415-555-0132'],
    ['US', '415.555.0132'],
    ['US', '4155550132'],
    ['US', '1-415-555-0132'],
    ['US', '+1 415 555 0132'],
    ['US', '+44 20 7946 0123'],
    ['GB', '020 7946 0123'],
    ['GB', '(0)20 7946 0123'],
    ['GB', '+44 (0)20 7946 0123'],
    ['DE', '030 23125 123'],
    ['DE', '030/23125123'],
    ['DE', '0171-3920012'],
    ['DE', '+49 (0) 30 23125-123'],
    ['DE', '0049 30 23125123'],
    ['FR', '01 99 00 12 34'],
    ['FR', '01.99.00.12.34'],
    ['AU', '0491 570 006'],
    ['AU', '(02) 5550 1234'],
    ['ES', '612 345 678'],
    ['IN', '98765 43210'],
    ['BR', '(11) 91234-5678'],
    ['JP', '090-1234-5678'],
    ['CN', '138 1234 5678'],
  ])('phone, %s: %s is found', (region, number) => {
    expect(redacted('phone', number, region)).toBe('[PHONE_1]');
    expect(redacted('phone', `Call me (${number}), please`, region)).toBe('Call me ([PHONE_1]), please');
  });

  test.each([
    ['US', 'Call 415-555-0132/415-555-0133 or 415-555-0134', 'Call [PHONE_1]/[PHONE_2] or [PHONE_3]'],
    ['US', '4155550132,4155550133', '[PHONE_1],[PHONE_2]'],
    ['US', '415-555-0132x12', '[PHONE_1]x12'],
    ['US', 'my number is 4155550132.', 'my number is [PHONE_1].'],
    ['US', '415-555-0132. 5 people', '[PHONE_1]. 5 people'],
    ['DE', '030 23125123 2 Uhr', '[PHONE_1] 2 Uhr'],
    ['US', 'tel:+14155550132', 'tel:[PHONE_1]'],
  ])('phone, %s: of %j only the number is replaced', (region, text, expected) => {
    expect(redacted('phone', text, region)).toBe(expected);
  });

  test.each([
    ['US', 'order 4155550132'],
    ['US', 'Order number is 4155550132'],
    ['US', 'ticket #4155550132'],
    ['US', 'ORD-4155550132'],
    ['US', 'id_4155550132'],
    ['US', 'https://example.com/items/4155550132'],
    ['US', '2024-01-15 10:30:00'],
    ['US', '2024-01-15'],
    ['US', '01/15/2024 1030'],
    ['US', '$4155550132'],
    ['US', '407.4844051, -73.98574800'],
    ['US', '1,234,567.89'],
    ['US', '1234567890'],
    ['US', '1700000000'],
    ['US', '20-41-55-50-13'],
    ['US', '123-45-6789'],
    ['DE', '1713920012'],
    ['DE', '1690000000000'],
    ['DE', '0.12345678'],
    ['DE', '31.01.2024'],
    ['DE', '12.345.678,90'],
    ['DK', '2024-01-15'],
    ['DK', '20240115'],
    ['PL', '123 456 789,00'],
    ['US', '555-0132'],
    ['US', '550e8400-e29b-41d4-a716-446655440000'],
  ])('phone, %s: %j is none', (region, text) => {
    expect(redacted('phone', text, region)).toBe(text);
  });

  test('an unknown region is refused, and only if phones are looked for', () => {
    expect(() => new Redactor({ types: ['phone'], phoneRegion: 'XX' })).toThrow(
      expect.objectContaining({ code: 'PIPELINE_INVALID', message: expect.stringContaining('clean.phone_region') }),
    );
    expect(redacted('email', 'a@example.com', 'XX')).toBe('[EMAIL_1]');
  });
});

describe('card', () => {
  test.each([
    '4111111111111111',
    '4111 1111 1111 1111',
    '4111-1111-1111-1111',
    '4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
    '4222222222222',
    '5555555555554444',
    '2223003122003222',
    '378282246310005',
    '3782 822463 10005',
    '6011111111111117',
    '30569309025904',
    '3530111333300000',
    '6200000000000005',
    '6759649826438453',
    '2200000000000004',
  ])('the card number %s is found', (number) => {
    expect(redacted('card', number)).toBe('[CARD_1]');
    expect(redacted('card', `paid 12 with ${number}, twice`)).toBe('paid 12 with [CARD_1], twice');
  });

  test.each([
    '4111111111111112',
    '41111111111111111',
    '1111111111111117',
    '0.4111111111111111',
    'x4111111111111111',
    '4111111111111111b',
    '4111  1111  1111  1111',
    '1700000000000',
    '41111111111111114111111111111111',
  ])('%s is no card number', (number) => {
    expect(redacted('card', number)).toBe(number);
  });

  test('text behind a card number stays', () => {
    expect(redacted('card', '4111 1111 1111 1111 12/27 123')).toBe('[CARD_1] 12/27 123');
    expect(redacted('card', '4111111111111111,5555555555554444')).toBe('[CARD_1],[CARD_2]');
  });
});

describe('IBAN', () => {
  test.each([
    'DE89370400440532013000',
    'DE89 3704 0044 0532 0130 00',
    'de89 3704 0044 0532 0130 00',
    'GB82 WEST 1234 5698 7654 32',
    'FR1420041010050500013M02606',
    'NO93 8601 1117 947',
    'MT84MALT011000012345MTLCAST001S',
    'BR18 0036 0305 0000 1000 9795 493C 1',
  ])('the IBAN %s is found', (number) => {
    expect(redacted('iban', number)).toBe('[IBAN_1]');
    expect(redacted('iban', `IBAN:${number} is mine`)).toBe('IBAN:[IBAN_1] is mine');
  });

  test.each([
    'DE88370400440532013000',
    'DE8937040044053201300',
    'DE893704004405320130001',
    'XDE89370400440532013000',
    'US89370400440532013000',
    'DE89  3704 0044 0532 0130 00',
  ])('%s is no IBAN', (number) => {
    expect(redacted('iban', number)).toBe(number);
  });
});

describe('IP', () => {
  test.each([
    ['from 192.0.2.1:8080', 'from [IP_1]:8080'],
    ['198.51.100.7/24', '[IP_1]/24'],
    ['http://203.0.113.9/x', 'http://[IP_1]/x'],
    ['192.0.2.1-192.0.2.9.', '[IP_1]-[IP_2].'],
    ['2001:db8::1', '[IP_1]'],
    ['[2001:DB8::2]:443', '[[IP_1]]:443'],
    ['2001:db8:0:0:0:0:0:1', '[IP_1]'],
    ['fe80::1: no route', '[IP_1]: no route'],
    ['from:2001:db8::3', 'from:[IP_1]'],
    ['::ffff:192.0.2.1', '[IP_1]'],
  ])('%j has an IP address', (text, expected) => {
    expect(redacted('ip', text)).toBe(expected);
  });

  test.each([
    'v1.2.3.4',
    'version 1.2.3.4 and Version: 1.2.3.4',
    'Chrome/120.0.0.0',
    'section 4.2.1.3',
    '256.1.1.1',
    '192.000.002.001',
    '1.2.3.4.5',
    '1.2.3',
    '12:34:56',
    '::1',
    'x[::2]',
    'std::vector',
    'abc::def',
    '1:2:3:4:5:6:7',
    '1::2::3',
    '2001:db8::12345',
    '00:1a:2b:3c:4d:5e',
  ])('%j has no IP address', (text) => {
    expect(redacted('ip', text)).toBe(text);
  });
});

describe('secrets', () => {
  test.each([
    'sk-proj-canary_7f3a9c-0123',
    'glpat-canary7f3a9c0123',
    'ghp_canary7f3a9c0123canary',
    'github_pat_11CANARY0123456789ab_cdefghijklmnopqrstuv',
    'hf_canary7f3a9c0123',
    'sk_live_canary7f3a9c0123',
    'AKIACANARY7F3A9C0123',
    'xoxb-1234567890-canary',
    `AIza${'Canary7f'.repeat(5)}`,
  ])('the key %s is found', (key) => {
    expect(redacted('key', `key=${key};`)).toBe('key=[KEY_1];');
  });

  test.each(['sk-learning-something-new', 'task-12345678', 'hf_configuration', 'a risk-0123456789'])(
    '%s is no key',
    (text) => {
      expect(redacted('key', text)).toBe(text);
    },
  );

  test.each([
    'eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOjF9.c2lnbmF0dXJl',
    'eyJhbGciOiJkaXIifQ..aXYwMDAwMDA.Y2lwaGVydGV4dA.dGFn',
    'eyJhbGciOiJkaXIifQ.aGVhZGVyMQ.aXYwMDAwMDA.Y2lwaGVydGV4dA.dGFn',
  ])('the web token %s is found', (token) => {
    expect(redacted('jwt', `Bearer ${token}`)).toBe('Bearer [JWT_1]');
    expect(redacted('jwt', `It is ${token}.`)).toBe('It is [JWT_1].');
  });

  test.each(['eyJ', 'eyJhbGci.x', 'heyJude01234.eyJude01234'])('%s is no web token', (text) => {
    expect(redacted('jwt', text)).toBe(text);
  });
});

test('ordinary sentences stay unchanged with every type', () => {
  const redactor = new Redactor({ types: PII_TYPES, phoneRegion: 'US' });
  for (const text of [
    'My order from 12 March has not arrived, and I paid 1,299.00 USD for it.',
    'It is 10:30, room 204, floor 3: bring 2 x 500 g, please!',
    'Error 404 at line 1234567 of module foo::bar in release 2.10.0.1',
    'SKU AB12-3456-7890 / batch 2024-0012345',
  ]) {
    expect(redactor.redact([text])).toEqual({ texts: [text], found: {} });
  }
});
