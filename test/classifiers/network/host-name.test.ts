import { expect, test } from '@jest/globals';
import { judgedName } from '../../../classifiers/network/host-name.ts';

test.each([
  ['www.example.com', 'example', 'com', 'registry'],
  ['a.b.example.co.uk', 'example', 'co.uk', 'registry'],
  ['mallory.ddns.net', 'mallory', 'ddns.net', 'dynamic'],
  ['a.mallory.duckdns.org', 'mallory', 'duckdns.org', 'dynamic'],
  ['shop.uk.com', 'shop', 'uk.com', 'dynamic'],
  ['qzxv.bit', 'qzxv', 'bit', 'alternative'],
])('of %s the label %s is judged', (host, label, suffix, under) => {
  expect(judgedName(host)).toEqual({ label, suffix, under });
});

test.each([
  ['com', 'public-suffix'],
  ['co.uk', 'public-suffix'],
  ['ddns.net', 'public-suffix'],
  ['d3k9v0qzx7w2.cloudfront.net', 'shared-platform'],
  ['cloudfront.net', 'shared-platform'],
  ['e4478.dscb.akamaiedge.net', 'shared-platform'],
  ['ec2-3-120-10-20.eu-central-1.compute.amazonaws.com', 'shared-platform'],
  ['someone.github.io', 'shared-platform'],
  ['printer.local', 'private-name'],
  ['localhost', 'private-name'],
  ['20.10.in-addr.arpa', 'private-name'],
  ['xn--bckerei-mller-gcb6j.de', 'international'],
  ['www.xn--80ak6aa92e.com', 'international'],
])('the shape of %s says nothing: %s', (host, why) => {
  expect(judgedName(host)).toBe(why);
});
