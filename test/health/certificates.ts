/**
 * Certificates for tests: two CAs, and a server's by the first of them, for `backend.example` and
 * 127.0.0.1. Valid for 100 years from 2026 on. The keys protect nothing. Made by:
 *
 *   ec='ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
 *   openssl req -x509 -newkey $ec -days 36500 -subj '/CN=fairlead test ca' \
 *     -keyout ca.key -out ca.crt     # and again for the other one
 *   openssl req -newkey $ec -subj /CN=backend.example -keyout server.key -out server.csr
 *   echo 'subjectAltName=DNS:backend.example,IP:127.0.0.1' > san
 *   openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 36500 \
 *     -extfile san -out server.crt
 */
export const CA = `-----BEGIN CERTIFICATE-----
MIIBjDCCATOgAwIBAgIUcVkIqcdcd7KNdpm0NUCggbFmKC0wCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQZmFpcmxlYWQgdGVzdCBjYTAgFw0yNjExMjQwMjE5MDBaGA8y
MTI2MTAzMTAyMTkwMFowGzEZMBcGA1UEAwwQZmFpcmxlYWQgdGVzdCBjYTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABI6T7aSPSq/7uzeW+CJYY2uEoPMB1724Tg9Q
PAbqWc4xWe/jnU18+14f08AHqxGr1Md7U/ROWUw+I3zJ0YSxr++jUzBRMB0GA1Ud
DgQWBBQQS8mDoW7e4i9TgCNE5xuRpKyGEDAfBgNVHSMEGDAWgBQQS8mDoW7e4i9T
gCNE5xuRpKyGEDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIGmz
Jzd50+nrh6vN+dad3p7DFpaV7titV9V/JqtlK8NHAiB6nFk61sVG7F7eX6PpIRVo
3rQ3+1dj7UwsHvTjDtEvjw==
-----END CERTIFICATE-----
`;

export const OTHER_CA = `-----BEGIN CERTIFICATE-----
MIIBkzCCATmgAwIBAgIUJJq6bJ3qTli5l4n7ltWwpnSBqYkwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTZmFpcmxlYWQgdGVzdCBvdGhlcjAgFw0yNjExMjQwMjE5MDBa
GA8yMTI2MTAzMTAyMTkwMFowHjEcMBoGA1UEAwwTZmFpcmxlYWQgdGVzdCBvdGhl
cjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHzJX36FiTZfcG3j9y7NA4kfIHqE
nN2Zepmhn/T39I362v7A2JFEPqo5OSuoCVNEA4Ovp1hRZh2LzT+INU+GRSyjUzBR
MB0GA1UdDgQWBBTIPA8ZbIglYZ2kYESlcPlCVFNrvzAfBgNVHSMEGDAWgBTIPA8Z
bIglYZ2kYESlcPlCVFNrvzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gA
MEUCIQCMpV5QUHPP7c829NcsyJasHNOpiWMgng01OsQOPsacPAIgOtDZ7nz9i/AL
qsLCwBWv7DpkgW7i3Xm0qala3QXGY6w=
-----END CERTIFICATE-----
`;

export const SERVER_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBnjCCAUOgAwIBAgIUT+15IA0t2aHm5yOg9ms/YUiGfzgwCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQZmFpcmxlYWQgdGVzdCBjYTAgFw0yNjExMjQwMjE5MDBaGA8y
MTI2MTAzMTAyMTkwMFowGjEYMBYGA1UEAwwPYmFja2VuZC5leGFtcGxlMFkwEwYH
KoZIzj0CAQYIKoZIzj0DAQcDQgAEWDvgBNAb172kHXTSenPE4dc4/66ABuK+u0Yj
ySrINQ6MwOUVq3eC5v9teICUVuZozkaHhMTKofNdX9QhwAxw+qNkMGIwIAYDVR0R
BBkwF4IPYmFja2VuZC5leGFtcGxlhwR/AAABMB0GA1UdDgQWBBRNF4sXX140gz1J
YSP6FKxEgNrdATAfBgNVHSMEGDAWgBQQS8mDoW7e4i9TgCNE5xuRpKyGEDAKBggq
hkjOPQQDAgNJADBGAiEA7mGClWMx89D604DHJ0rtBUDAe38VYCzO43u9HqCYgLcC
IQCBkc0v+mTWo5tvOwLhqXnzDY8jLVsZe1oiZb5ax4vCeQ==
-----END CERTIFICATE-----
`;

export const SERVER_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgx8wVDJ13v1StaLM2
ux50S0zEDWAAUj9SZa3v5REGVWuhRANCAARYO+AE0BvXvaQddNJ6c8Th1zj/roAG
4r67RiPJKsg1DozA5RWrd4Lm/214gJRW5mjORoeExMqh811f1CHADHD6
-----END PRIVATE KEY-----
`;
