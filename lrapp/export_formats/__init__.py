"""The formats that a finished run can be exported in, a room each; ``lrapp.exports`` lists, makes and checks them."""
