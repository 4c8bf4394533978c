# 로그인

login-title = 로그인
login-name = 이름
login-password = 비밀번호
login-go = 로그인
login-wrong = 이름이나 비밀번호가 맞지 않습니다.
login-locked = 잘못된 비밀번호가 너무 많았습니다. { $wait } 뒤에 다시 시도하십시오.
login-busy = 다른 로그인을 처리하고 있습니다. 잠시 뒤에 다시 시도하십시오.
login-token = 이 양식이 오래되었습니다. 다시 로그인하십시오.
login-none = 아직 로그인이 만들어지지 않았습니다.
login-none-do = 수거함의 터미널에서 첫 로그인을 만드십시오. 기본 비밀번호는 없습니다.
