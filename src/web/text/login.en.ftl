# Login

login-title = Log in
login-name = Name
login-password = Password
login-go = Log in
login-wrong = Name or password is wrong.
login-locked = Too many wrong passwords. Try again in { $wait }.
login-busy = Other logins are being checked. Try again in a moment.
login-token = This form was old. Log in again.
login-none = There is no login yet.
login-none-do = Make the first one in the bin's terminal. There is no default password.
